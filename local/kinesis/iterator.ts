/** Shard iterators: where a reader stands, as a token that needs no memory on our side and expires after five minutes. */
import { AwsError } from "../aws-error.ts";

export interface ShardIterator {
  readonly streamName: string;
  readonly shardId: string;
  /** Exclusive; null = trim horizon. */
  readonly after: string | null;
  readonly issuedMs: number;
}

const lifetimeMs = 5 * 60_000;

export function formatIterator({ streamName, shardId, after, issuedMs }: ShardIterator): string {
  return Buffer.from(["v1", streamName, shardId, after ?? "", issuedMs].join("|")).toString("base64");
}

export function parseIterator(token: string, nowMs: number): ShardIterator {
  const [version, streamName, shardId, after, issued] = Buffer.from(token, "base64").toString().split("|");
  const issuedMs = Number(issued);
  if (version !== "v1" || !streamName || !shardId || after === undefined || !Number.isFinite(issuedMs)) {
    throw new AwsError("InvalidArgumentException", "Invalid ShardIterator.");
  }
  if (nowMs - issuedMs > lifetimeMs) {
    throw new AwsError(
      "ExpiredIteratorException",
      `Iterator expired. The iterator was created at time ${awsTime(issuedMs)} while right now it is ${awsTime(nowMs)} which is further in the future than the tolerated delay of ${lifetimeMs} milliseconds.`,
    );
  }
  return { streamName, shardId, after: after === "" ? null : after, issuedMs };
}

function awsTime(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}
