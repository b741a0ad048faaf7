/**
 * Partition projection: which partitions a table has follows from its properties, not from what lies in the bucket. An object in a folder that no
 * projected partition names is not there for a query.
 */
import type { ValueMap } from "../template/evaluate.ts";
import type { Column } from "./catalog.ts";

export interface Projection {
  /** The values of a key's partition, in the order of the partition keys; null for what lies in none. */
  valuesOf(bucket: string, key: string, nowMs: number): readonly string[] | null;
}

type Includes = (value: string, nowMs: number) => boolean;

/** Why a table cannot be read here. */
export class TableProblem extends Error {}

/** Throws a TableProblem for a property that the runtime does not know. */
export function readProjection(keys: readonly Column[], parameters: ValueMap): Projection {
  const text = (name: string): string => String(parameters[name] ?? "");
  if (text("projection.enabled").toLowerCase() !== "true")
    throw new TableProblem(
      'the local runtime knows partitions by projection only: expected projection.enabled: "true".',
    );
  const template = text("storage.location.template");
  const [, bucketName = "", path = ""] = /^s3:\/\/([^/]+)\/(.*?)\/?$/.exec(template) ?? [];
  const form = keys.map(({ name }) => `${name}=\${${name}}`).join("/");
  if (!path.endsWith(form))
    throw new TableProblem(
      `the local runtime finds partitions by hive's names: expected storage.location.template to end in ${form}/, got ${template}.`,
    );
  const folder = path.slice(0, -form.length);
  const includes = keys.map(({ name }) => rangeOf(name, (property) => text(`projection.${name}.${property}`)));
  return {
    valuesOf(bucket, key, nowMs) {
      if (bucket !== bucketName || !key.startsWith(folder)) return null;
      const segments = key.slice(folder.length).split("/");
      // At least the object's own name follows the partition's folders.
      if (segments.length <= keys.length) return null;
      const values: string[] = [];
      for (const [at, { name }] of keys.entries()) {
        const segment = segments[at] ?? "";
        const value = segment.slice(name.length + 1);
        if (!segment.startsWith(`${name}=`) || !includes[at]?.(value, nowMs)) return null;
        values.push(value);
      }
      return values;
    },
  };
}

function rangeOf(name: string, property: (name: string) => string): Includes {
  const type = property("type");
  const bounds = property("range")
    .split(",")
    .map((bound) => bound.trim());
  switch (type) {
    // Athena wants a query to name one of its values; here it may leave that out.
    case "injected":
      return (value) => value !== "";
    case "enum": {
      const values = property("values")
        .split(",")
        .map((value) => value.trim());
      return (value) => values.includes(value);
    }
    case "integer": {
      const [least, most] = bounds.map(Number);
      const digits = property("digits");
      if (least === undefined || most === undefined || !(least <= most)) break;
      return (value) =>
        /^-?\d+$/.test(value) &&
        Number(value) >= least &&
        Number(value) <= most &&
        value === String(Number(value)).padStart(Number(digits || 0), "0");
    }
    case "date": {
      const ends = bounds.map(dayOf);
      if (
        property("format") !== "yyyy-MM-dd" ||
        property("interval") !== "" ||
        ends.length !== 2 ||
        ends.includes(null)
      )
        break;
      const [first, last] = ends as [Day, Day];
      return (value, nowMs) => /^\d{4}-\d\d-\d\d$/.test(value) && value >= first(nowMs) && value <= last(nowMs);
    }
  }
  throw new TableProblem(
    `projection.${name}: the local runtime knows injected, enum with values, integer with range and digits, and date with the format yyyy-MM-dd and a range of days.`,
  );
}

type Day = (nowMs: number) => string;

/** `2020-01-01`, `NOW`, `NOW+1DAYS`. */
function dayOf(bound: string): Day | null {
  if (/^\d{4}-\d\d-\d\d$/.test(bound)) return () => bound;
  const [, sign = "+", days] = /^NOW(?:([+-])(\d+)DAYS?)?$/.exec(bound) ?? [];
  if (!bound.startsWith("NOW") || (bound !== "NOW" && days === undefined)) return null;
  const offset = Number(`${sign}${days ?? 0}`) * 86_400_000;
  return (nowMs) => new Date(nowMs + offset).toISOString().slice(0, 10);
}
