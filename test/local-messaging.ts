/** Queues and topics of a template behind a port, with unmodified SDK clients; all is closed after each test of the file that imports this. */
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach } from "vitest";
import { type Clock, virtualClock } from "../local/clock.ts";
import { createMessaging } from "../local/messaging.ts";
import { startServer } from "../local/server.ts";
import { loadTemplate } from "../local/template/load.ts";

export const startMs = Date.UTC(2026, 0, 2);

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** `resources` in the template's own indentation. */
export async function openMessaging(resources: string) {
  const clock = virtualClock(startMs);
  return { clock, ...(await openOn(resources, clock, "virtual")) };
}

/** Waits as in real time, though the clock stands still. */
export async function openWaiting(resources: string) {
  return openOn(resources, virtualClock(startMs), "real");
}

async function openOn(resources: string, clock: Clock, time: "virtual" | "real") {
  const templateText = `\nResources:\n${resources}`;
  const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText });
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  const messaging = createMessaging({ template, clock, time, seed: 1, url: () => server.url, log });
  const none = { handle: () => {} };
  const services = { kinesis: none, dynamodb: none, s3: none, sqs: messaging.sqs, sns: messaging.sns };
  const server = await startServer({ clock, services });
  const config = {
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  };
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  opened.push(
    server.stop,
    () => sqs.destroy(),
    () => sns.destroy(),
  );
  const queue = (logicalId: string) => {
    const found = messaging.sqs.find(
      template.of("AWS::SQS::Queue").find((one) => one.logicalId === logicalId)?.arn ?? "",
    );
    if (found === undefined) throw new Error(`no queue ${logicalId}`);
    return found;
  };
  return {
    ...messaging,
    template,
    server,
    logged,
    clients: { sqs, sns },
    queue,
    urlOf: (logicalId: string) => messaging.sqs.urlOf(queue(logicalId).settings.name),
  };
}
