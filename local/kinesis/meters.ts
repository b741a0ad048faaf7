/** A stream's measures in CloudWatch: all of the stream level, and of the shard level those that the template asks for. */
import type { Meter, Metrics } from "../cloudwatch/metrics.ts";
import { type Measure, type ShardMetric, shardMetrics, streamLevelName } from "./metrics.ts";
import type { Stream } from "./stream.ts";

/** `shardLevel` as in DesiredShardLevelMetrics, where ALL stands for all. */
export function meterStream(stream: Stream, metrics: Metrics, shardLevel: readonly string[]): () => void {
  const meters = new Map<string, Meter>();
  const meterOf = (name: string, dimensions: Readonly<Record<string, string>>): Meter => {
    const key = `${name}\n${dimensions.ShardId ?? ""}`;
    const meter = meters.get(key) ?? metrics.meter({ namespace: "AWS/Kinesis", name, dimensions }, unitOf(name));
    meters.set(key, meter);
    return meter;
  };
  const hasShardLevel = (metric: string): boolean => shardLevel.includes("ALL") || shardLevel.includes(metric);
  return stream.metrics.onMeasure(({ metric, shardId, value }: Measure) => {
    const name = isShardMetric(metric) ? streamLevelName[metric] : metric;
    meterOf(name, { StreamName: stream.name })(value);
    if (shardId !== null && hasShardLevel(metric))
      meterOf(metric, { StreamName: stream.name, ShardId: shardId })(value);
  });
}

function isShardMetric(metric: Measure["metric"]): metric is ShardMetric {
  return (shardMetrics as readonly string[]).includes(metric);
}

function unitOf(name: string): string {
  if (name.includes("Bytes")) return "Bytes";
  return name.includes("Millis") ? "Milliseconds" : "Count";
}
