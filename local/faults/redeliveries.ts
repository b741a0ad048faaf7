/**
 * Delivery at least once: Lambda may hand out again what was answered for, without any error (A3.9). Either the batch comes twice in a row, or
 * the mapping has lost its checkpoint and goes through some of the shard's last batches again before the next. In a tumbling window the records
 * that come again meet the state as it is by then.
 */
import type { FunctionHost, Invocation } from "../lambda/host.ts";
import type { Draws } from "./draw.ts";
import { batchOf } from "./invocations.ts";

type Invoke = FunctionHost["invoke"];

interface Batch {
  readonly Records?: readonly { readonly eventID?: string }[];
  /** A window's last invocation may be without records, so it says whose it is. */
  readonly shardId?: string;
  readonly window?: { readonly start: string };
  readonly state?: unknown;
}

/** How far back a lost checkpoint lies, in batches. */
const rememberedBatches = 3;

/** For event source mappings only; Firehose never asks for an answer twice. */
export function redelivering(draws: Draws, invoke: Invoke): Invoke {
  const answered = new Map<string, Batch[]>();
  return async (functionName, payload) => {
    const batch = (payload ?? {}) as Batch;
    const { Records: records = [], window } = batch;
    const shard = `${functionName} ${batch.shardId ?? records[0]?.eventID?.split(":")[0]}`;
    const earlier = (answered.get(shard) ?? []).filter((one) => one.window?.start === window?.start);
    const subject = [functionName, shard, window?.start ?? "", batchOf(payload)] as const;
    const attempt = draws.attempt("delivery", ...subject);
    let [state, extraMs] = [batch.state, 0];
    if (draws.happens("redeliver", ...subject, attempt)) {
      const from = Math.floor(draws.share("checkpoint", ...subject, attempt) * (earlier.length + 1));
      for (const old of earlier.slice(from)) {
        const again = await invoke(functionName, window === undefined ? old : { ...old, state });
        extraMs += again.durationMs;
        if (window !== undefined) state = stateIn(again) ?? state;
      }
      if (from === earlier.length) extraMs += (await invoke(functionName, payload)).durationMs;
    }
    const invocation = await invoke(functionName, window === undefined ? payload : { ...batch, state });
    if (isAnswered(invocation)) answered.set(shard, [...earlier, batch].slice(-rememberedBatches));
    return { ...invocation, durationMs: invocation.durationMs + extraMs };
  };
}

function stateIn(invocation: Invocation): unknown {
  return invocation.kind === "ok" ? (invocation.payload as Batch | null)?.state : undefined;
}

function isAnswered(invocation: Invocation): boolean {
  if (invocation.kind === "error") return false;
  const { batchItemFailures = [] } = (invocation.payload ?? {}) as { batchItemFailures?: readonly unknown[] | null };
  return (batchItemFailures ?? []).length === 0;
}
