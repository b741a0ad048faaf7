import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SQSEvent, SQSRecord } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { notify } from "../functions/notify/notify.ts";
import { memoryTelemetry } from "./functions/fakes.ts";

const file = join(import.meta.dirname, "..", "events", "notify.json");
const [sample] = (JSON.parse(readFileSync(file, "utf8")) as SQSEvent).Records as [SQSRecord];
const message = (messageId: string, body: string): SQSRecord => ({ ...sample, messageId, body });

describe("notify", () => {
  it("acts once on an alert that is delivered twice, and says what it is", async () => {
    const { handler, reports } = notifier();
    const answer = await handler({ Records: [message("a", sample.body), message("b", sample.body)] });
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(reports).toMatchObject([
      { counts: { Alerts: 1 }, message: "alert", context: { alert: "card_testing", entity: "user-00001" } },
    ]);
  });

  it("reports only the messages that it could not act on, also when those are all", async () => {
    const { handler, reports } = notifier();
    const records = [
      message("a", "no json"),
      message("b", sample.body),
      message("c", '{"detail":{}}'),
      message("d", "null"),
    ];
    const failed = (answer: Awaited<ReturnType<typeof handler>>) =>
      answer.batchItemFailures.map((one) => one.itemIdentifier);
    expect(failed(await handler({ Records: records }))).toEqual(["a", "c", "d"]);
    expect(reports.length).toBe(1);
    expect(failed(await handler({ Records: [message("a", "no json")] }))).toEqual(["a"]);
  });
});

function notifier() {
  const telemetry = memoryTelemetry();
  const done = new Set<string>();
  const once = async (id: string, act: () => Promise<void>) => {
    if (done.has(id)) return;
    done.add(id);
    await act();
  };
  return { handler: notify({ once, telemetry }), reports: telemetry.reports };
}
