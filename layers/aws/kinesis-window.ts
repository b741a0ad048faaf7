import type { StreamRecord } from "@millrace/engine";
import type { KinesisStreamStateResponse, KinesisStreamTumblingWindowEvent } from "aws-lambda";
import { fromKinesis } from "./kinesis.ts";

/** The envelope of an event source mapping with a tumbling window. Its state is JSON, so the bytes travel as base64. */
export interface KinesisWindow {
  readonly shard: string;
  /** Half-open (epoch ms). */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly records: readonly StreamRecord[];
  /** What the last invocation of this window returned; null at its first. */
  readonly state: Uint8Array | null;
  readonly ends: "no" | "early" | "final";
}

/** `shardId` is there on AWS and missing in the types. */
export type KinesisWindowEvent = KinesisStreamTumblingWindowEvent & { readonly shardId: string };

const STATE = "base64";

/** The final invocation may come with records, with none, or, as far as AWS documents it, without the key. */
export function fromKinesisWindow(event: KinesisWindowEvent): KinesisWindow {
  const { window, shardId, state = {}, Records: records = [] } = event ?? {};
  const [windowStartMs, windowEndMs] = [Date.parse(window?.start), Date.parse(window?.end)];
  if (Number.isNaN(windowStartMs) || Number.isNaN(windowEndMs) || typeof shardId !== "string") {
    throw new TypeError(
      `expected a Kinesis batch with "window" and "shardId", got ${Object.keys(event ?? {}).join(", ") || "nothing"}: set TumblingWindowInSeconds on this function's event`,
    );
  }
  return {
    shard: shardId,
    windowStartMs,
    windowEndMs,
    records: fromKinesis({ Records: records }),
    state: stateIn(state),
    ends: event.isWindowTerminatedEarly ? "early" : event.isFinalInvokeForWindow ? "final" : "no",
  };
}

/** An answer without the key `state` is a failed invocation. */
export function toKinesisWindowReply(state: Uint8Array): KinesisStreamStateResponse {
  const { buffer, byteOffset, byteLength } = state;
  return { state: { [STATE]: Buffer.from(buffer, byteOffset, byteLength).toString("base64") } };
}

function stateIn(state: Readonly<Record<string, unknown>>): Uint8Array | null {
  const { [STATE]: text, ...rest } = state;
  const others = Object.keys(rest);
  if (others.length > 0 || (text !== undefined && typeof text !== "string")) {
    throw new TypeError(`expected a state of "${STATE}" alone, got ${Object.keys(state).join(", ")}`);
  }
  return text === undefined ? null : Buffer.from(text, "base64");
}
