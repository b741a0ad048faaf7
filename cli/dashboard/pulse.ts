/** What a running stream does from second to second, which CloudWatch tells by the minute only. */
import { type Chart, shardInWords } from "@millrace/charts";
import type { Stream } from "../../local/kinesis/stream.ts";
import { SHARD_AGE } from "./panels.ts";

export interface Pulse {
  charts(): readonly Chart[];
  /** Records put in the second that ended last. */
  perSecond(): number;
  stop(): void;
}

const KEPT_SECONDS = 180;

export function takePulse(stream: Pick<Stream, "metrics">, now: () => number): Pulse {
  const startSecond = Math.floor(now() / 1000);
  const put = new Map<string, Map<number, number>>();
  const age = new Map<string, Map<number, number>>();
  const secondsOf = (all: Map<string, Map<number, number>>, shard: string): Map<number, number> => {
    const seconds = all.get(shard) ?? new Map<number, number>();
    all.set(shard, seconds);
    for (const second of seconds.keys()) {
      if (second >= Math.floor(now() / 1000) - KEPT_SECONDS) break;
      seconds.delete(second);
    }
    return seconds;
  };
  const stop = stream.metrics.onMeasure(({ metric, shardId, value }) => {
    if (shardId === null) return;
    const second = Math.floor(now() / 1000);
    if (metric === "IncomingRecords") {
      const seconds = secondsOf(put, shardId);
      seconds.set(second, (seconds.get(second) ?? 0) + value);
    }
    if (metric === "IteratorAgeMilliseconds") {
      const seconds = secondsOf(age, shardId);
      seconds.set(second, Math.max(seconds.get(second) ?? 0, value));
    }
  });
  const linesOf = (all: Map<string, Map<number, number>>, seconds: readonly number[], missing: number | null) =>
    [...all]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([shard, values]) => ({
        label: shardInWords(shard),
        values: seconds.map((second) => values.get(second) ?? missing),
      }));
  return {
    stop,
    perSecond() {
      const last = Math.floor(now() / 1000) - 1;
      return [...put.values()].reduce((sum, seconds) => sum + (seconds.get(last) ?? 0), 0);
    },
    charts() {
      const last = Math.floor(now() / 1000) - 1;
      const first = Math.max(startSecond, last - KEPT_SECONDS + 1);
      const seconds = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
      const timesMs = seconds.map((second) => second * 1000);
      return [
        {
          ...{ id: "per-second", title: "Events per second, by shard", unit: "perSecond" as const, timesMs },
          lines: linesOf(put, seconds, 0),
          empty: "Nothing was put on the stream yet: send events, or press “Send events”.",
        },
        {
          ...{ id: SHARD_AGE.id, title: SHARD_AGE.title, unit: SHARD_AGE.unit, timesMs },
          lines: linesOf(age, seconds, null),
          empty: "Nothing was read yet.",
        },
      ];
    },
  };
}
