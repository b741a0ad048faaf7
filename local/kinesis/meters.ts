/** A stream's measures in CloudWatch: all of the stream level, and of the shard level those that enhanced monitoring is on for. */
import type { Meter, Metrics } from "../cloudwatch/metrics.ts";
import { type Measure, type ShardMetric, streamLevelName } from "./metrics.ts";
import type { Stream } from "./stream.ts";

export function meterStream(stream: Stream, metrics: Metrics): () => void {
  // Found by the measure's own name, without making a key: every record put comes by here.
  const streamLevel = new Map<string, Meter>();
  const shardLevel = new Map<string, Map<string, Meter>>();
  const meterOf = (level: Map<string, Meter>, metric: string, name: string, shardId?: string): Meter => {
    const known = level.get(metric);
    if (known !== undefined) return known;
    const dimensions = { StreamName: stream.name, ...(shardId === undefined ? {} : { ShardId: shardId }) };
    const meter = metrics.meter({ namespace: "AWS/Kinesis", name, dimensions }, unitOf(name));
    level.set(metric, meter);
    return meter;
  };
  return stream.metrics.onMeasure(({ metric, shardId, value }: Measure) => {
    meterOf(streamLevel, metric, isShardMetric(metric) ? streamLevelName[metric] : metric)(value);
    if (shardId === null || !isShardMetric(metric) || !stream.monitored.includes(metric)) return;
    const ofShard = shardLevel.get(shardId) ?? new Map<string, Meter>();
    shardLevel.set(shardId, ofShard);
    meterOf(ofShard, metric, metric, shardId)(value);
  });
}

function isShardMetric(metric: Measure["metric"]): metric is ShardMetric {
  return metric in streamLevelName;
}

function unitOf(name: string): string {
  if (name.includes("Bytes")) return "Bytes";
  return name.includes("Millis") ? "Milliseconds" : "Count";
}
