/** The sequence that shows a difference, as a file: everything that a run of it needs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { FaultRates } from "../../local/faults/catalogue.ts";
import { UserError } from "../user-error.ts";
import type { Step } from "./script.ts";

export interface Sequence {
  readonly seed: number;
  readonly faults: FaultRates;
  readonly startMs: number;
  readonly steps: readonly Step[];
}

export function writeSequence(path: string, sequence: Sequence): void {
  mkdirSync(dirname(path), { recursive: true });
  const text = JSON.stringify(sequence, (_, value) => (isBytes(value) ? { base64: toBase64(value) } : value), 1);
  writeFileSync(path, `${text}\n`);
}

export function readSequence(path: string): Sequence {
  if (!existsSync(path))
    throw new UserError(`${path} not found: --replay takes a file that npm run chaos has written.`);
  const revive = (_: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && "base64" in value
      ? Buffer.from(String(value.base64), "base64")
      : value;
  const sequence = JSON.parse(readFileSync(path, "utf8"), revive) as Partial<Sequence>;
  if (Array.isArray(sequence.steps) && typeof sequence.seed === "number") return sequence as Sequence;
  throw new UserError(`${path}: expected a sequence that npm run chaos has written (seed, faults, startMs, steps).`);
}

/** A Buffer turns itself into an object before a replacer sees it; a Uint8Array does not. */
function isBytes(value: unknown): value is Uint8Array | { readonly type: "Buffer"; readonly data: readonly number[] } {
  if (value instanceof Uint8Array) return true;
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value;
}

function toBase64(value: Uint8Array | { readonly data: readonly number[] }): string {
  return Buffer.from(value instanceof Uint8Array ? value : value.data).toString("base64");
}
