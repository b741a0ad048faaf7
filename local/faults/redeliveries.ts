/**
 * Delivery at least once: Lambda may hand out again what was answered for, without any error (A3.9). Either the batch comes twice in a row, or
 * the mapping has lost its checkpoint and goes through some of the shard's last batches again before the next.
 */
import type { FunctionHost, Invocation } from "../lambda/host.ts";
import type { Draws } from "./draw.ts";
import { batchOf } from "./invocations.ts";

type Invoke = FunctionHost["invoke"];

interface Batch {
  readonly Records?: readonly { readonly eventID?: string }[];
  readonly window?: unknown;
}

/** How far back a lost checkpoint lies, in batches. */
const rememberedBatches = 3;

/** For event source mappings only; Firehose never asks for an answer twice. */
export function redelivering(draws: Draws, invoke: Invoke): Invoke {
  const answered = new Map<string, unknown[]>();
  return async (functionName, payload) => {
    const { Records: records = [], window } = (payload ?? {}) as Batch;
    const shard = `${functionName} ${records[0]?.eventID?.split(":")[0]}`;
    const earlier = answered.get(shard) ?? [];
    const subject = [functionName, batchOf(payload)] as const;
    const attempt = draws.attempt("delivery", ...subject);
    let extraMs = 0;
    if (draws.happens("redeliver", ...subject, attempt)) {
      const from = Math.floor(draws.share("checkpoint", ...subject, attempt) * (earlier.length + 1));
      // A tumbling window's state has moved on: only the same state can go with the same records.
      const again = window === undefined && from < earlier.length ? earlier.slice(from) : [payload];
      for (const batch of again) extraMs += (await invoke(functionName, batch)).durationMs;
    }
    const invocation = await invoke(functionName, payload);
    if (isAnswered(invocation)) answered.set(shard, [...earlier, payload].slice(-rememberedBatches));
    return { ...invocation, durationMs: invocation.durationMs + extraMs };
  };
}

function isAnswered(invocation: Invocation): boolean {
  if (invocation.kind === "error") return false;
  const { batchItemFailures = [] } = (invocation.payload ?? {}) as { batchItemFailures?: readonly unknown[] | null };
  return (batchItemFailures ?? []).length === 0;
}
