// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, type Fields, fromScaled, isoTime, parseTime, type Row, type Scalar, scaleDecimal } from "@millrace/engine";

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
    { name: "value", path: ["value"], type: { decimal: { precision: 18, scale: 4 } }, required: true, sensitive: false, minimum: -273.15 },
    { name: "vibration_hz", path: ["vibrationHz"], type: "double", required: false, sensitive: false, minimum: 0 },
    { name: "cycles", path: ["cycles"], type: "bigint", required: false, sensitive: false, minimum: 0 },
    { name: "alarm", path: ["alarm"], type: "boolean", required: false, sensitive: false },
    { name: "position", path: ["position"], type: "string", required: false, sensitive: false },
    { name: "tags", path: ["tags"], type: "string", required: false, sensitive: false },
  ],
  partitionColumns: ["site"],
  validate,
  toRow,
  readRow,
  readFields,
  toLakeColumns,
};

/** The flat row, or the first violation: what was expected where, and what came. `plain` is explained at EventSchema. */
export function readRow(event: unknown, plain: boolean): Row | string {
  if (!isObject(event)) return wrongType("event", "an object", event);
  let readingIdCell: string | null = null;
  let measuredAtCell: number | null = null;
  let machineIdCell: string | null = null;
  let machineModelCell: string | null = null;
  let machineOperatorCell: string | null = null;
  let siteCell: string | null = null;
  let valueCell: number | null = null;
  let vibrationHzCell: number | null = null;
  let cyclesCell: number | null = null;
  let alarmCell: boolean | null = null;
  let positionCell: string | null = null;
  let tagsCell: string | null = null;
  const readingId = event.readingId;
  if (typeof readingId !== "string") return wrongType("readingId", "a string", readingId);
  if (readingId === "") return wrongLength("readingId", "at least 1 character", codePoints(readingId));
  if (readingId.length > 64 && codePoints(readingId) > 64) return wrongLength("readingId", "at most 64 characters", codePoints(readingId));
  readingIdCell = plain ? readingId : readingId.toWellFormed();
  const measuredAt = event.measuredAt;
  if (typeof measuredAt !== "string") return wrongType("measuredAt", "a string", measuredAt);
  if ((measuredAtCell = parseTime(measuredAt)) === null) return wrongValue("measuredAt", "a time such as 2026-01-02T03:04:05.678Z", measuredAt);
  const machine = event.machine;
  if (!isObject(machine)) return wrongType("machine", "an object", machine);
  const machineId = machine.id;
  if (typeof machineId !== "string") return wrongType("machine.id", "a string", machineId);
  if (machineId.length > 64 && codePoints(machineId) > 64) return wrongLength("machine.id", "at most 64 characters", codePoints(machineId));
  if (!MACHINE_ID_PATTERN.test(machineId)) return wrongValue("machine.id", "a string that matches ^[a-z0-9-]+$", machineId);
  machineIdCell = plain ? machineId : machineId.toWellFormed();
  const machineModel = machine.model;
  if (machineModel !== undefined && machineModel !== null) {
    if (typeof machineModel !== "string") return wrongType("machine.model", "a string or null", machineModel);
    if (machineModel.length > 64 && codePoints(machineModel) > 64) return wrongLength("machine.model", "at most 64 characters", codePoints(machineModel));
    machineModelCell = plain ? machineModel : machineModel.toWellFormed();
  }
  const machineOperator = machine.operator;
  if (machineOperator !== undefined && machineOperator !== null) {
    if (typeof machineOperator !== "string") return wrongType("machine.operator", "a string or null", machineOperator);
    if (machineOperator.length > 128 && codePoints(machineOperator) > 128) return wrongLength("machine.operator", "at most 128 characters", codePoints(machineOperator));
    machineOperatorCell = plain ? machineOperator : machineOperator.toWellFormed();
  }
  const site = event.site;
  if (typeof site !== "string") return wrongType("site", "a string", site);
  if (!SITE_VALUES.has(site)) return wrongValue("site", "one of \"north\", \"south\", \"harbour\"", site);
  siteCell = plain ? site : site.toWellFormed();
  const value = event.value;
  if (!(typeof value === "number" && Number.isFinite(value))) return wrongType("value", "a number", value);
  if (value < -273.15) return wrongValue("value", "at least -273.15", value);
  if (value >= 10000) return wrongValue("value", "less than 10000", value);
  if ((valueCell = scaleDecimal(value, 4)) === null) return wrongValue("value", "a decimal with at most 4 places and 15 digits", value);
  const vibrationHz = event.vibrationHz;
  if (vibrationHz !== undefined && vibrationHz !== null) {
    if (!(typeof vibrationHz === "number" && Number.isFinite(vibrationHz))) return wrongType("vibrationHz", "a number or null", vibrationHz);
    if (vibrationHz < 0) return wrongValue("vibrationHz", "at least 0", vibrationHz);
    vibrationHzCell = vibrationHz + 0;
  }
  const cycles = event.cycles;
  if (cycles !== undefined) {
    if (!(typeof cycles === "number" && Number.isInteger(cycles))) return wrongType("cycles", "an integer", cycles);
    if (cycles < 0) return wrongValue("cycles", "at least 0", cycles);
    if (cycles > 9007199254740991) return wrongValue("cycles", "at most 9007199254740991", cycles);
    cyclesCell = cycles + 0;
  }
  const alarm = event.alarm;
  if (alarm !== undefined) {
    if (typeof alarm !== "boolean") return wrongType("alarm", "a boolean", alarm);
    alarmCell = alarm;
  }
  const position = event.position;
  if (position !== undefined) {
    if (!isObject(position)) return wrongType("position", "an object", position);
    const positionViolation = checkPosition(position);
    if (positionViolation !== null) return `position.${positionViolation}`;
    if ((positionCell = jsonText(position, 100, plain)) === null) return "position: expected at most 100 levels of nesting, got more";
  }
  const tags = event.tags;
  if (tags !== undefined) {
    if (!Array.isArray(tags)) return wrongType("tags", "an array", tags);
    if (tags.length > 16) return wrongLength("tags", "at most 16 items", tags.length);
    for (let i = 0; i < tags.length; i += 1) {
      const item: unknown = tags[i];
      if (typeof item !== "string") return wrongType(`tags[${i}]`, "a string", item);
      if (item.length > 32 && codePoints(item) > 32) return wrongLength(`tags[${i}]`, "at most 32 characters", codePoints(item));
    }
    tagsCell = JSON.stringify(tags);
  }
  return {
    event_id: readingIdCell,
    event_time: measuredAtCell,
    machine_id: machineIdCell,
    machine_model: machineModelCell,
    machine_operator: machineOperatorCell,
    site: siteCell,
    value: valueCell,
    vibration_hz: vibrationHzCell,
    cycles: cyclesCell,
    alarm: alarmCell,
    position: positionCell,
    tags: tagsCell,
  };
}

/** Null when valid, else the first violation. */
export function validate(event: unknown): string | null {
  const row = readRow(event, false);
  return typeof row === "string" ? row : null;
}

/** The flat row of a valid event. */
export function toRow(event: unknown): Row {
  const row = readRow(event, false);
  if (typeof row === "string") throw new TypeError(`expected a valid event, but ${row}`);
  return row;
}

const MACHINE_ID_PATTERN = /^[a-z0-9-]+$/u;

const SITE_VALUES = new Set<unknown>(["north", "south", "harbour"]);

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

/** `readRow` from the places of the fields; anything but a row where `readRow` has to tell. */
export function readFields(fields: Fields): Row | string | null {
  const plain = true;
  let measuredAtCell: number | null = null;
  let machineIdCell: string | null = null;
  let siteCell: string | null = null;
  let valueCell: number | null = null;
  let vibrationHzCell: number | null = null;
  let cyclesCell: number | null = null;
  let alarmCell: boolean | null = null;
  let positionCell: string | null = null;
  let tagsCell: string | null = null;
  if (!fields.isText(0, 1, 64)) return null;
  if (fields.isText(1, 0, Number.MAX_SAFE_INTEGER)) {
    if ((measuredAtCell = fields.time(1)) === null) return null;
  } else {
    const measuredAt = fields.value(1);
    if (typeof measuredAt !== "string") return wrongType("measuredAt", "a string", measuredAt);
    if ((measuredAtCell = parseTime(measuredAt)) === null) return wrongType("measuredAt", "a time such as 2026-01-02T03:04:05.678Z", measuredAt);
  }
  const machine = fields.value(2);
  if (!isObject(machine)) return wrongType("machine", "an object", machine);
  const machineId = fields.value(3);
  if (typeof machineId !== "string") return wrongType("machine.id", "a string", machineId);
  if (machineId.length > 64 && codePoints(machineId) > 64) return wrongLength("machine.id", "at most 64 characters", codePoints(machineId));
  if (!MACHINE_ID_PATTERN.test(machineId)) return wrongType("machine.id", "a string that matches ^[a-z0-9-]+$", machineId);
  machineIdCell = plain ? machineId : machineId.toWellFormed();
  if (!fields.isText(4, 0, 64) && fields.has(4) && !fields.isNull(4)) return null;
  if (!fields.isText(5, 0, 128) && fields.has(5) && !fields.isNull(5)) return null;
  const site = fields.value(6);
  if (typeof site !== "string") return wrongType("site", "a string", site);
  if (!SITE_VALUES.has(site)) return wrongType("site", "one of \"north\", \"south\", \"harbour\"", site);
  siteCell = plain ? site : site.toWellFormed();
  const value = fields.value(7);
  if (!(typeof value === "number" && Number.isFinite(value))) return wrongType("value", "a number", value);
  if (value < -273.15) return wrongType("value", "at least -273.15", value);
  if (value >= 10000) return wrongType("value", "less than 10000", value);
  if ((valueCell = scaleDecimal(value, 4)) === null) return wrongType("value", "a decimal with at most 4 places and 15 digits", value);
  const vibrationHz = fields.value(8);
  if (vibrationHz !== undefined && vibrationHz !== null) {
    if (!(typeof vibrationHz === "number" && Number.isFinite(vibrationHz))) return wrongType("vibrationHz", "a number or null", vibrationHz);
    if (vibrationHz < 0) return wrongType("vibrationHz", "at least 0", vibrationHz);
    vibrationHzCell = vibrationHz + 0;
  }
  const cycles = fields.value(9);
  if (cycles !== undefined) {
    if (!(typeof cycles === "number" && Number.isInteger(cycles))) return wrongType("cycles", "an integer", cycles);
    if (cycles < 0) return wrongType("cycles", "at least 0", cycles);
    if (cycles > 9007199254740991) return wrongType("cycles", "at most 9007199254740991", cycles);
    cyclesCell = cycles + 0;
  }
  const alarm = fields.value(10);
  if (alarm !== undefined) {
    if (typeof alarm !== "boolean") return wrongType("alarm", "a boolean", alarm);
    alarmCell = alarm;
  }
  const position = fields.value(11);
  if (position !== undefined) {
    if (!isObject(position)) return wrongType("position", "an object", position);
    const positionViolation = checkPosition(position);
    if (positionViolation !== null) return `position.${positionViolation}`;
    if ((positionCell = jsonText(position, 100, plain)) === null) return "position: expected at most 100 levels of nesting, got more";
  }
  const tags = fields.value(12);
  if (tags !== undefined) {
    if (!Array.isArray(tags)) return wrongType("tags", "an array", tags);
    if (tags.length > 16) return wrongLength("tags", "at most 16 items", tags.length);
    for (let i = 0; i < tags.length; i += 1) {
      const item: unknown = tags[i];
      if (typeof item !== "string") return wrongType(`tags[${i}]`, "a string", item);
      if (item.length > 32 && codePoints(item) > 32) return wrongLength(`tags[${i}]`, "at most 32 characters", codePoints(item));
    }
    tagsCell = JSON.stringify(tags);
  }
  return {
    event_id: fields.text(0),
    event_time: measuredAtCell,
    machine_id: machineIdCell,
    machine_model: fields.text(4),
    machine_operator: fields.text(5),
    site: siteCell,
    value: valueCell,
    vibration_hz: vibrationHzCell,
    cycles: cyclesCell,
    alarm: alarmCell,
    position: positionCell,
    tags: tagsCell,
  };
}

/** The columns as the lake's JSON has them; undefined, which JSON.stringify leaves out, for null. */
export function toLakeColumns(row: Row): Record<string, Scalar | undefined> {
  return {
    event_id: row.event_id,
    event_time: isoTime(row.event_time as number),
    machine_id: row.machine_id,
    machine_model: row.machine_model ?? undefined,
    machine_operator: row.machine_operator ?? undefined,
    site: row.site,
    value: fromScaled(row.value as number, 4),
    vibration_hz: row.vibration_hz ?? undefined,
    cycles: row.cycles ?? undefined,
    alarm: row.alarm ?? undefined,
    position: row.position ?? undefined,
    tags: row.tags ?? undefined,
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

/** The JSON text of a value, or null when it nests deeper than it may. */
function jsonText(value: unknown, levels: number, plain: boolean): string | null {
  const flat = plain ? flatText(value) : null;
  if (flat !== null) return flat;
  return isDeeperThan(levels, value) ? null : JSON.stringify(value);
}

/** What JSON.stringify makes of an object of single values from text without a backslash, in half the time; null for any other. */
function flatText(value: unknown): string | null {
  if (!isObject(value)) return null;
  let members = "";
  for (const name in value) {
    const inner = value[name];
    if (typeof inner === "object" && inner !== null) return null;
    const written = typeof inner === "string" ? `"${inner}"` : JSON.stringify(inner);
    members += `${members === "" ? "" : ","}"${name}":${written}`;
  }
  return `{${members}}`;
}
