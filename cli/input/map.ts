/** Turns source records into events by a map's plan. A record that the plan cannot map is a value that says why, never a throw. */
import { basename } from "node:path";
import type { JsonataError } from "jsonata";
import { contentHash } from "./canonical.ts";
import type { Field, MapPlan } from "./map-file.ts";
import type { SourceRecord } from "./record.ts";

export type Mapped =
  | { readonly kind: "event"; readonly value: unknown; readonly arrivalTime: unknown }
  | { readonly kind: "unmappable"; readonly problem: string };

/** All events of one record, in order; none when `events` yields nothing. */
export type Mapper = (record: SourceRecord) => Promise<readonly Mapped[]>;

/** Without a plan every record is one event as it stands. */
export function createMapper(plan: MapPlan | null, files: readonly string[]): Mapper {
  const fileId = shortFileIds(files);
  return async ({ content, file, line }) => {
    if (content.kind === "problem") return [{ kind: "unmappable", problem: content.problem }];
    if (plan === null) return [{ kind: "event", value: content.value, arrivalTime: undefined }];
    const source = { record: content.value, position: `${fileId(file)}:${line}`, hash: null };
    try {
      return plan.events === null
        ? [await mapPart(plan, source, content.value, null)]
        : await mapParts(plan, source, plan.events);
    } catch (error) {
      if (error instanceof MapFailure) return [{ kind: "unmappable", problem: error.message }];
      throw error;
    }
  };
}

interface Source {
  readonly record: unknown;
  /** `events.csv:17` */
  readonly position: string;
  /** Made once, when the first part asks for it. */
  hash: string | null;
}

async function mapParts(plan: MapPlan, source: Source, events: Field): Promise<readonly Mapped[]> {
  const parts = await evaluate(events, source.record, null);
  const mapped: Mapped[] = [];
  for (const [index, part] of toArray(parts).entries()) mapped.push(await mapPart(plan, source, part, index));
  return mapped;
}

/** In an expression the part is the context; `$record` is the whole record, `$index` the part's number in it from 0. */
async function mapPart(plan: MapPlan, source: Source, part: unknown, index: number | null): Promise<Mapped> {
  const bindings = index === null ? null : { record: source.record, index };
  const event: Record<string, unknown> = {};
  if (plan.id !== null) place(event, plan.idPath, makeId(plan.id, source, part, index));
  for (const field of plan.fields) {
    const value = await evaluate(field, part, bindings);
    if (value !== undefined) place(event, field.path, value);
  }
  const arrivalTime = plan.arrivalTime === null ? undefined : await evaluate(plan.arrivalTime, part, bindings);
  return { kind: "event", value: event, arrivalTime };
}

function makeId(id: "content-hash" | "file-position", source: Source, part: unknown, index: number | null): string {
  if (id === "file-position") return index === null ? source.position : `${source.position}#${index}`;
  source.hash ??= contentHash(source.record);
  return index === null ? source.hash : contentHash([source.hash, part]);
}

class MapFailure extends Error {}

async function evaluate(field: Field, input: unknown, bindings: Record<string, unknown> | null): Promise<unknown> {
  try {
    return await (bindings === null ? field.expression.evaluate(input) : field.expression.evaluate(input, bindings));
  } catch (error) {
    throw new MapFailure(`${field.name}: ${(error as JsonataError).message}`);
  }
}

function place(event: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): void {
  if (key === undefined) return;
  if (rest.length === 0) {
    event[key] = value;
    return;
  }
  event[key] ??= {};
  place(event[key] as Record<string, unknown>, rest, value);
}

function toArray(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** The file's own name, so that an id does not depend on the folder it was read from; the path where two files share a name. */
function shortFileIds(files: readonly string[]): (file: string) => string {
  const names = files.map((file) => basename(file));
  const shared = new Set(names.filter((name, i) => names.indexOf(name) !== i));
  return (file) => (shared.has(basename(file)) ? file : basename(file));
}
