/** A queue's metrics in CloudWatch: what is sent, received and deleted, and once a minute, while there is something in it, what lies there. */
import type { Clock } from "../clock.ts";
import { createGauge } from "../cloudwatch/gauge.ts";
import type { Metrics } from "../cloudwatch/metrics.ts";
import type { Queue, QueueCounts, QueueMeasure } from "./queue.ts";

const gauges = [
  ["ApproximateNumberOfMessagesVisible", ({ visible }) => visible],
  ["ApproximateNumberOfMessagesNotVisible", ({ hidden }) => hidden],
  ["ApproximateNumberOfMessagesDelayed", ({ delayed }) => delayed],
] as const satisfies readonly (readonly [string, (counts: QueueCounts) => number])[];

const units: Readonly<Record<QueueMeasure, string>> = {
  NumberOfMessagesSent: "Count",
  SentMessageSize: "Bytes",
  NumberOfMessagesReceived: "Count",
  NumberOfMessagesDeleted: "Count",
};

export function meterQueue(queue: Queue, metrics: Metrics, clock: Clock): { stop(): void } {
  const meterOf = (name: string, unit: string) =>
    metrics.meter({ namespace: "AWS/SQS", name, dimensions: { QueueName: queue.settings.name } }, unit);
  const meters = new Map(Object.entries(units).map(([name, unit]) => [name, meterOf(name, unit)]));
  const unmeasure = queue.onMeasure((measure, value) => meters.get(measure)?.(value));

  const looked = gauges.map(([name, pick]) => {
    let last = 0;
    const read = (): number | null => {
      const [before, value] = [last, pick(queue.counts())];
      last = value;
      // That it is empty again is told once.
      return before === 0 && value === 0 ? null : value;
    };
    return createGauge({ clock, meter: meterOf(name, "Count"), read });
  });
  const unwatch = queue.onChange(() => {
    for (const gauge of looked) gauge.wake();
  });
  return {
    stop() {
      unmeasure();
      unwatch();
      for (const gauge of looked) gauge.stop();
    },
  };
}
