import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { afterEach, describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { readRules } from "../local/events/read-rules.ts";
import { createEvents } from "../local/events/service.ts";
import { createMessaging } from "../local/messaging.ts";
import { startServer } from "../local/server.ts";
import { loadTemplate } from "../local/template/load.ts";

const resources = `
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: anything } }
  Inbox: { Type: AWS::SQS::Queue }
  Other: { Type: AWS::SQS::Queue }
  ToInbox:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: { source: [here], detail: { level: [{ numeric: [">", 5] }] } }
      Targets: [{ Id: inbox, Arn: !GetAtt Inbox.Arn }]
  OfDefault: { Type: AWS::Events::Rule, Properties: { EventPattern: { source: [here] }, Targets: [{ Id: o, Arn: !GetAtt Other.Arn }] } }
  Off:
    Type: AWS::Events::Rule
    Properties: { EventBusName: !Ref Bus, State: DISABLED, EventPattern: { source: [here] }, Targets: [{ Id: o, Arn: !GetAtt Other.Arn }] }`;

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

describe("EventBridge on this machine", () => {
  it("hands an event to the queues of the rules of its bus that match it, as consumers get it from AWS", async () => {
    const { put, bodies } = await open();
    const answer = await put({ EventBusName: "bus", Source: "here", DetailType: "t", Detail: '{"level":6}' });
    expect(answer).toMatchObject({
      FailedEntryCount: 0,
      Entries: [{ EventId: expect.stringMatching(/^[0-9a-f-]{36}$/) }],
    });
    await put({ EventBusName: "bus", Source: "here", DetailType: "t", Detail: '{"level":5}' });
    expect(bodies("inbox")).toEqual([
      {
        version: "0",
        id: answer.Entries?.[0]?.EventId,
        "detail-type": "t",
        source: "here",
        account: "000000000000",
        time: "2026-01-02T00:00:00Z",
        region: "us-east-1",
        resources: [],
        detail: { level: 6 },
      },
    ]);
    expect(bodies("other")).toEqual([]);
    await put({ Source: "here", DetailType: "t", Detail: "{}" });
    expect(bodies("other").length).toBe(1);
  });

  it("hands on what one moment brings in one order, under one id, whichever request was there first", async () => {
    const entry = (level: number) => ({
      EventBusName: "bus",
      Source: "here",
      DetailType: "t",
      Detail: JSON.stringify({ level }),
    });
    const inOrder = async (levels: readonly number[]) => {
      const { client, clock, bodies } = await open();
      for (const level of levels) await client.send(new PutEventsCommand({ Entries: [entry(level)] }));
      expect(bodies("inbox")).toEqual([]);
      await clock.runUntilIdle();
      return bodies("inbox");
    };
    const handedOn = await inOrder([6, 7, 8, 7]);
    expect(handedOn).toHaveLength(4);
    expect(new Set(handedOn.map((body) => (body as { id: string }).id)).size).toBe(4);
    expect(await inOrder([8, 7, 7, 6])).toEqual(handedOn);
  });

  it("takes the good entries of a request and says of each other one why not", async () => {
    const { put, bodies } = await open();
    const good = { Source: "here", DetailType: "t", Detail: "{}" };
    const Entries = [good, { ...good, Detail: "[]" }, { ...good, Source: "" }, { ...good, EventBusName: "nowhere" }];
    const answer = await put(...Entries);
    expect(answer.FailedEntryCount).toBe(3);
    const codes = answer.Entries?.map(({ ErrorCode }) => ErrorCode ?? "none");
    expect(codes).toEqual(["none", "MalformedDetail", "InvalidArgument", "ResourceNotFoundException"]);
    expect(bodies("other").length).toBe(1);
  });

  it("refuses rules and targets that it could not run, with their line", () => {
    const broken = (from: string, to: string) => () => readRules(templateOf(resources.replace(from, to)));
    expect(broken("Arn: !GetAtt Inbox.Arn", "Arn: !GetAtt Bus.Arn")).toThrow(
      /sends events to queues of the template only/,
    );
    expect(broken("EventPattern: { source: [here], detail", "EventPattern: { source: here, detail")).toThrow(
      /^template\.yaml:\d+: ToInbox: Event pattern is not valid/,
    );
    expect(broken("EventPattern: { source: [here] }, Targets", "Targets")).toThrow(
      /needs an EventPattern or a ScheduleExpression/,
    );
    expect(broken("Arn: !GetAtt Inbox.Arn", "Input: '{}', Arn: !GetAtt Inbox.Arn")).toThrow(/without an Input/);
  });
});

function templateOf(text: string) {
  return loadTemplate({ templatePath: "/somewhere/template.yaml", templateText: `\nResources:${text}` });
}

async function open() {
  const template = templateOf(resources);
  const clock = virtualClock(Date.UTC(2026, 0, 2));
  const { sqs } = createMessaging({ template, clock, time: "virtual", seed: 1, url: () => server.url, log: () => {} });
  const events = createEvents({ template, clock, seed: 1, queues: sqs });
  const none = { handle: () => {} };
  const server = await startServer({ clock, services: { kinesis: none, dynamodb: none, s3: none, events } });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new EventBridgeClient({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
  opened.push(server.stop, () => client.destroy());
  const bodies = (name: string): unknown[] => {
    const queue = sqs.find(`arn:aws:sqs:us-east-1:000000000000:${name}`);
    return (queue?.receive(10, 0) ?? []).map(({ body }) => JSON.parse(body) as unknown);
  };
  type Entry = NonNullable<ConstructorParameters<typeof PutEventsCommand>[0]["Entries"]>[number];
  const put = async (...Entries: Entry[]) => {
    const answer = await client.send(new PutEventsCommand({ Entries }));
    await clock.runUntilIdle();
    return answer;
  };
  return { client, clock, bodies, put };
}
