/** A stream's measures in CloudWatch: all of the stream level, and of the shard level those that enhanced monitoring is on for. */
import type { Meter, Metrics } from "../cloudwatch/metrics.ts";
import { type Measure, type ShardMetric, shardMetrics, streamLevelName } from "./metrics.ts";
import type { Stream } from "./stream.ts";

export function meterStream(stream: Stream, metrics: Metrics): () => void {
  const meters = new Map<string, Meter>();
  const meterOf = (name: string, dimensions: Readonly<Record<string, string>>): Meter => {
    const key = `${name}\n${dimensions.ShardId ?? ""}`;
    const meter = meters.get(key) ?? metrics.meter({ namespace: "AWS/Kinesis", name, dimensions }, unitOf(name));
    meters.set(key, meter);
    return meter;
  };
  return stream.metrics.onMeasure(({ metric, shardId, value }: Measure) => {
    const name = isShardMetric(metric) ? streamLevelName[metric] : metric;
    meterOf(name, { StreamName: stream.name })(value);
    if (shardId !== null && isShardMetric(metric) && stream.monitored.includes(metric))
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
