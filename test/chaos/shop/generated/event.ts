// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, parseTime, type Row, scaleDecimal } from "@millrace/engine";

export interface ShopEvent {
  readonly event_id: string;
  readonly event_type: "view_item" | "add_to_cart" | "purchase";
  readonly event_time: string | number;
  readonly user_id: string;
  readonly item?: {
    readonly id?: string | null;
  } | null;
  readonly region?: string | null;
  readonly amount?: number | null;
  readonly quantity?: number | null;
  readonly weight?: number | null;
  readonly gift?: boolean | null;
}

/** What the engine knows of an event. */
export const eventSchema: EventSchema = {
  idColumn: "event_id",
  timeColumn: "event_time",
  columns: [
    { name: "event_id", path: ["event_id"], type: "string", required: true, sensitive: false, maxLength: 64 },
    { name: "event_type", path: ["event_type"], type: "string", required: true, sensitive: false, maxLength: 11 },
    { name: "event_time", path: ["event_time"], type: "timestamp", required: true, sensitive: false },
    { name: "user_id", path: ["user_id"], type: "string", required: true, sensitive: false, maxLength: 64 },
    { name: "item_id", path: ["item", "id"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "region", path: ["region"], type: "string", required: false, sensitive: false, maxLength: 16 },
    { name: "amount", path: ["amount"], type: { decimal: { precision: 18, scale: 2 } }, required: false, sensitive: false },
    { name: "quantity", path: ["quantity"], type: "bigint", required: false, sensitive: false },
    { name: "weight", path: ["weight"], type: "double", required: false, sensitive: false },
    { name: "gift", path: ["gift"], type: "boolean", required: false, sensitive: false },
  ],
  partitionColumns: [],
  validate,
  toRow,
};

/** Null when valid, else the first violation: what was expected where, and what came. */
export function validate(value: unknown): string | null {
  return isObject(value) ? checkEvent(value) : wrongType("event", "an object", value);
}

const EVENT_TYPE_VALUES = new Set<unknown>(["view_item", "add_to_cart", "purchase"]);

function checkEvent(fields: JsonObject): string | null {
  const eventId = fields.event_id;
  if (typeof eventId !== "string") return wrongType("event_id", "a string", eventId);
  if (eventId === "") return wrongLength("event_id", "at least 1 character", codePoints(eventId));
  if (eventId.length > 64 && codePoints(eventId) > 64) return wrongLength("event_id", "at most 64 characters", codePoints(eventId));
  const eventType = fields.event_type;
  if (typeof eventType !== "string") return wrongType("event_type", "a string", eventType);
  if (!EVENT_TYPE_VALUES.has(eventType)) return wrongValue("event_type", "one of \"view_item\", \"add_to_cart\", \"purchase\"", eventType);
  const eventTime = fields.event_time;
  if (typeof eventTime === "string") {
    if (eventTime.length > 64 && codePoints(eventTime) > 64) return wrongLength("event_time", "at most 64 characters", codePoints(eventTime));
    if (parseTime(eventTime) === null) return wrongValue("event_time", "a time such as 2026-01-02T03:04:05.678Z", eventTime);
  } else if (typeof eventTime === "number" && Number.isInteger(eventTime)) {
    if (eventTime < -8640000000000000) return wrongValue("event_time", "at least -8640000000000000", eventTime);
    if (eventTime > 8640000000000000) return wrongValue("event_time", "at most 8640000000000000", eventTime);
  } else {
    return wrongType("event_time", "a string or an integer", eventTime);
  }
  const userId = fields.user_id;
  if (typeof userId !== "string") return wrongType("user_id", "a string", userId);
  if (userId === "") return wrongLength("user_id", "at least 1 character", codePoints(userId));
  if (userId.length > 64 && codePoints(userId) > 64) return wrongLength("user_id", "at most 64 characters", codePoints(userId));
  const fieldItem = fields.item;
  if (fieldItem !== undefined && fieldItem !== null) {
    if (!isObject(fieldItem)) return wrongType("item", "an object or null", fieldItem);
    const fieldItemViolation = checkItem(fieldItem);
    if (fieldItemViolation !== null) return `item.${fieldItemViolation}`;
  }
  const region = fields.region;
  if (region !== undefined && region !== null) {
    if (typeof region !== "string") return wrongType("region", "a string or null", region);
    if (region.length > 16 && codePoints(region) > 16) return wrongLength("region", "at most 16 characters", codePoints(region));
  }
  const amount = fields.amount;
  if (amount !== undefined && amount !== null) {
    if (!(typeof amount === "number" && Number.isFinite(amount))) return wrongType("amount", "a number or null", amount);
    if (scaleDecimal(amount, 2) === null) return wrongValue("amount", "a decimal with at most 2 places and 15 digits", amount);
  }
  const quantity = fields.quantity;
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000) return wrongValue("quantity", "at least -1000000", quantity);
    if (quantity > 1000000) return wrongValue("quantity", "at most 1000000", quantity);
  }
  const weight = fields.weight;
  if (weight !== undefined && weight !== null) {
    if (!(typeof weight === "number" && Number.isFinite(weight))) return wrongType("weight", "a number or null", weight);
    if (weight < -1000000) return wrongValue("weight", "at least -1000000", weight);
    if (weight > 1000000) return wrongValue("weight", "at most 1000000", weight);
  }
  const gift = fields.gift;
  if (gift !== undefined && gift !== null) {
    if (typeof gift !== "boolean") return wrongType("gift", "a boolean or null", gift);
  }
  return null;
}

function checkItem(fields: JsonObject): string | null {
  const id = fields.id;
  if (id !== undefined && id !== null) {
    if (typeof id !== "string") return wrongType("id", "a string or null", id);
    if (id === "") return wrongLength("id", "at least 1 character", codePoints(id));
    if (id.length > 64 && codePoints(id) > 64) return wrongLength("id", "at most 64 characters", codePoints(id));
  }
  return null;
}

/** The flat row of a valid event. Texts are made well-formed, so that no store has to replace a lone surrogate later. */
export function toRow(value: unknown): Row {
  const event = value as ShopEvent;
  return {
    event_id: text(event.event_id),
    event_type: text(event.event_type),
    event_time: time(event.event_time),
    user_id: text(event.user_id),
    item_id: text(event.item?.id),
    region: text(event.region),
    amount: decimal(event.amount, 2),
    quantity: number(event.quantity),
    weight: number(event.weight),
    gift: event.gift ?? null,
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
