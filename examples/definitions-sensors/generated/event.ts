// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, parseTime, type Row, scaleDecimal } from "@millrace/engine";

/** One measurement of one machine. */
export interface SensorReading {
  readonly readingId: string;
  /** By the machine's clock. */
  readonly measuredAt: string;
  readonly machine: {
    readonly id: string;
    readonly model?: string | null;
    readonly operator?: string | null;
  };
  /** Also a partition key of the lake. */
  readonly site: "north" | "south" | "harbour";
  /** Degrees Celsius in tenths of a millidegree, so that sums are exact. */
  readonly value: number;
  readonly vibrationHz?: number | null;
  readonly cycles?: number;
  readonly alarm?: boolean;
  readonly position?: {
    readonly lat: number;
    readonly lon: number;
  };
  readonly tags?: readonly string[];
}

/** What the engine knows of an event. */
export const eventSchema: EventSchema = {
  idColumn: "event_id",
  timeColumn: "event_time",
  columns: [
    { name: "event_id", path: ["readingId"], type: "string", required: true, sensitive: false, maxLength: 64 },
    { name: "event_time", path: ["measuredAt"], type: "timestamp", required: true, sensitive: false },
    { name: "machine_id", path: ["machine", "id"], type: "string", required: true, sensitive: false, maxLength: 64 },
    { name: "machine_model", path: ["machine", "model"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "machine_operator", path: ["machine", "operator"], type: "string", required: false, sensitive: true, maxLength: 128 },
    { name: "site", path: ["site"], type: "string", required: true, sensitive: false, maxLength: 7 },
    { name: "value", path: ["value"], type: { decimal: { precision: 18, scale: 4 } }, required: true, sensitive: false },
    { name: "vibration_hz", path: ["vibrationHz"], type: "double", required: false, sensitive: false },
    { name: "cycles", path: ["cycles"], type: "bigint", required: false, sensitive: false },
    { name: "alarm", path: ["alarm"], type: "boolean", required: false, sensitive: false },
    { name: "position", path: ["position"], type: "string", required: false, sensitive: false },
    { name: "tags", path: ["tags"], type: "string", required: false, sensitive: false },
  ],
  partitionColumns: ["site"],
  validate,
  toRow,
};

/** Null when valid, else the first violation: what was expected where, and what came. */
export function validate(value: unknown): string | null {
  return isObject(value) ? checkEvent(value) : wrongType("event", "an object", value);
}

const MACHINE_ID_PATTERN = /^[a-z0-9-]+$/u;

const SITE_VALUES = new Set<unknown>(["north", "south", "harbour"]);

function checkEvent(fields: JsonObject): string | null {
  const readingId = fields.readingId;
  if (typeof readingId !== "string") return wrongType("readingId", "a string", readingId);
  if (readingId === "") return wrongLength("readingId", "at least 1 character", codePoints(readingId));
  if (readingId.length > 64 && codePoints(readingId) > 64) return wrongLength("readingId", "at most 64 characters", codePoints(readingId));
  const measuredAt = fields.measuredAt;
  if (typeof measuredAt !== "string") return wrongType("measuredAt", "a string", measuredAt);
  if (parseTime(measuredAt) === null) return wrongValue("measuredAt", "a time such as 2026-01-02T03:04:05.678Z", measuredAt);
  const machine = fields.machine;
  if (!isObject(machine)) return wrongType("machine", "an object", machine);
  const machineViolation = checkMachine(machine);
  if (machineViolation !== null) return `machine.${machineViolation}`;
  const site = fields.site;
  if (typeof site !== "string") return wrongType("site", "a string", site);
  if (!SITE_VALUES.has(site)) return wrongValue("site", "one of \"north\", \"south\", \"harbour\"", site);
  const fieldValue = fields.value;
  if (!(typeof fieldValue === "number" && Number.isFinite(fieldValue))) return wrongType("value", "a number", fieldValue);
  if (fieldValue < -273.15) return wrongValue("value", "at least -273.15", fieldValue);
  if (fieldValue >= 10000) return wrongValue("value", "less than 10000", fieldValue);
  if (scaleDecimal(fieldValue, 4) === null) return wrongValue("value", "a decimal with at most 4 places and 15 digits", fieldValue);
  const vibrationHz = fields.vibrationHz;
  if (vibrationHz !== undefined && vibrationHz !== null) {
    if (!(typeof vibrationHz === "number" && Number.isFinite(vibrationHz))) return wrongType("vibrationHz", "a number or null", vibrationHz);
    if (vibrationHz < 0) return wrongValue("vibrationHz", "at least 0", vibrationHz);
  }
  const cycles = fields.cycles;
  if (cycles !== undefined) {
    if (!(typeof cycles === "number" && Number.isInteger(cycles))) return wrongType("cycles", "an integer", cycles);
    if (cycles < 0) return wrongValue("cycles", "at least 0", cycles);
    if (cycles > 9007199254740991) return wrongValue("cycles", "at most 9007199254740991", cycles);
  }
  const alarm = fields.alarm;
  if (alarm !== undefined) {
    if (typeof alarm !== "boolean") return wrongType("alarm", "a boolean", alarm);
  }
  const position = fields.position;
  if (position !== undefined) {
    if (!isObject(position)) return wrongType("position", "an object", position);
    const positionViolation = checkPosition(position);
    if (positionViolation !== null) return `position.${positionViolation}`;
    if (isDeeperThan(100, position)) return "position: expected at most 100 levels of nesting, got more";
  }
  const tags = fields.tags;
  if (tags !== undefined) {
    if (!Array.isArray(tags)) return wrongType("tags", "an array", tags);
    if (tags.length > 16) return wrongLength("tags", "at most 16 items", tags.length);
    for (let i = 0; i < tags.length; i += 1) {
      const item: unknown = tags[i];
      if (typeof item !== "string") return wrongType(`tags[${i}]`, "a string", item);
      if (item.length > 32 && codePoints(item) > 32) return wrongLength(`tags[${i}]`, "at most 32 characters", codePoints(item));
    }
  }
  return null;
}

function checkMachine(fields: JsonObject): string | null {
  const id = fields.id;
  if (typeof id !== "string") return wrongType("id", "a string", id);
  if (id.length > 64 && codePoints(id) > 64) return wrongLength("id", "at most 64 characters", codePoints(id));
  if (!MACHINE_ID_PATTERN.test(id)) return wrongValue("id", "a string that matches ^[a-z0-9-]+$", id);
  const model = fields.model;
  if (model !== undefined && model !== null) {
    if (typeof model !== "string") return wrongType("model", "a string or null", model);
    if (model.length > 64 && codePoints(model) > 64) return wrongLength("model", "at most 64 characters", codePoints(model));
  }
  const operator = fields.operator;
  if (operator !== undefined && operator !== null) {
    if (typeof operator !== "string") return wrongType("operator", "a string or null", operator);
    if (operator.length > 128 && codePoints(operator) > 128) return wrongLength("operator", "at most 128 characters", codePoints(operator));
  }
  return null;
}

function checkPosition(fields: JsonObject): string | null {
  const lat = fields.lat;
  if (!(typeof lat === "number" && Number.isFinite(lat))) return wrongType("lat", "a number", lat);
  if (lat < -90) return wrongValue("lat", "at least -90", lat);
  if (lat > 90) return wrongValue("lat", "at most 90", lat);
  const lon = fields.lon;
  if (!(typeof lon === "number" && Number.isFinite(lon))) return wrongType("lon", "a number", lon);
  if (lon < -180) return wrongValue("lon", "at least -180", lon);
  if (lon > 180) return wrongValue("lon", "at most 180", lon);
  return null;
}

/** The flat row of a valid event. Texts are made well-formed, so that no store has to replace a lone surrogate later. */
export function toRow(value: unknown): Row {
  const event = value as SensorReading;
  return {
    event_id: text(event.readingId),
    event_time: time(event.measuredAt),
    machine_id: text(event.machine?.id),
    machine_model: text(event.machine?.model),
    machine_operator: text(event.machine?.operator),
    site: text(event.site),
    value: decimal(event.value, 4),
    vibration_hz: number(event.vibrationHz),
    cycles: number(event.cycles),
    alarm: event.alarm ?? null,
    position: json(event.position),
    tags: json(event.tags),
  };
}

type JsonObject = { readonly [field: string]: unknown };

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** JSON.stringify recurses: what is nested without a bound would overflow the stack. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

function wrongType(path: string, expected: string, value: unknown): string {
  return `${path}: expected ${expected}, got ${typeOf(value)}`;
}

function wrongValue(path: string, expected: string, value: unknown): string {
  const shown = typeof value === "string" ? JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value) : String(value);
  return `${path}: expected ${expected}, got ${shown}`;
}

function wrongLength(path: string, expected: string, length: number): string {
  return `${path}: expected ${expected}, got ${length}`;
}

function typeOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" && !Number.isInteger(value)) return Number.isFinite(value) ? "a fraction" : "a number out of range";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function text(value: string | null | undefined): string | null {
  return value === undefined || value === null ? null : value.toWellFormed();
}

/** Zero has one sign in a row. */
function number(value: number | null | undefined): number | null {
  return value === undefined || value === null ? null : value + 0;
}

function time(value: string | number | null | undefined): number | null {
  if (value === undefined || value === null) return null;
  return typeof value === "number" ? value + 0 : parseTime(value);
}

function decimal(value: string | number | null | undefined, scale: number): number | null {
  return value === undefined || value === null ? null : scaleDecimal(value, scale);
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
