// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, type Fields, fromScaled, isoTime, parseTime, type Row, type Scalar, scaleDecimal } from "@millrace/engine";

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
    { name: "quantity", path: ["quantity"], type: "bigint", required: false, sensitive: false, minimum: -1000000 },
    { name: "weight", path: ["weight"], type: "double", required: false, sensitive: false, minimum: -1000000 },
    { name: "gift", path: ["gift"], type: "boolean", required: false, sensitive: false },
  ],
  partitionColumns: [],
  validate,
  toRow,
  readRow,
  readFields,
  toLakeColumns,
};

/** The flat row, or the first violation: what was expected where, and what came. `plain` is explained at EventSchema. */
export function readRow(event: unknown, plain: boolean): Row | string {
  if (!isObject(event)) return wrongType("event", "an object", event);
  let eventIdCell: string | null = null;
  let eventTypeCell: string | null = null;
  let eventTimeCell: number | null = null;
  let userIdCell: string | null = null;
  let itemIdCell: string | null = null;
  let regionCell: string | null = null;
  let amountCell: number | null = null;
  let quantityCell: number | null = null;
  let weightCell: number | null = null;
  let giftCell: boolean | null = null;
  const eventId = event.event_id;
  if (typeof eventId !== "string") return wrongType("event_id", "a string", eventId);
  if (eventId === "") return wrongLength("event_id", "at least 1 character", codePoints(eventId));
  if (eventId.length > 64 && codePoints(eventId) > 64) return wrongLength("event_id", "at most 64 characters", codePoints(eventId));
  eventIdCell = plain ? eventId : eventId.toWellFormed();
  const eventType = event.event_type;
  if (typeof eventType !== "string") return wrongType("event_type", "a string", eventType);
  if (!EVENT_TYPE_VALUES.has(eventType)) return wrongValue("event_type", "one of \"view_item\", \"add_to_cart\", \"purchase\"", eventType);
  eventTypeCell = plain ? eventType : eventType.toWellFormed();
  const eventTime = event.event_time;
  if (typeof eventTime === "string") {
    if (eventTime.length > 64 && codePoints(eventTime) > 64) return wrongLength("event_time", "at most 64 characters", codePoints(eventTime));
    if ((eventTimeCell = parseTime(eventTime)) === null) return wrongValue("event_time", "a time such as 2026-01-02T03:04:05.678Z", eventTime);
  } else if (typeof eventTime === "number" && Number.isInteger(eventTime)) {
    if (eventTime < -8640000000000000) return wrongValue("event_time", "at least -8640000000000000", eventTime);
    if (eventTime > 8640000000000000) return wrongValue("event_time", "at most 8640000000000000", eventTime);
    eventTimeCell = eventTime + 0;
  } else {
    return wrongType("event_time", "a string or an integer", eventTime);
  }
  const userId = event.user_id;
  if (typeof userId !== "string") return wrongType("user_id", "a string", userId);
  if (userId === "") return wrongLength("user_id", "at least 1 character", codePoints(userId));
  if (userId.length > 64 && codePoints(userId) > 64) return wrongLength("user_id", "at most 64 characters", codePoints(userId));
  userIdCell = plain ? userId : userId.toWellFormed();
  const fieldItem = event.item;
  if (fieldItem !== undefined && fieldItem !== null) {
    if (!isObject(fieldItem)) return wrongType("item", "an object or null", fieldItem);
    const itemId = fieldItem.id;
    if (itemId !== undefined && itemId !== null) {
      if (typeof itemId !== "string") return wrongType("item.id", "a string or null", itemId);
      if (itemId === "") return wrongLength("item.id", "at least 1 character", codePoints(itemId));
      if (itemId.length > 64 && codePoints(itemId) > 64) return wrongLength("item.id", "at most 64 characters", codePoints(itemId));
      itemIdCell = plain ? itemId : itemId.toWellFormed();
    }
  }
  const region = event.region;
  if (region !== undefined && region !== null) {
    if (typeof region !== "string") return wrongType("region", "a string or null", region);
    if (region.length > 16 && codePoints(region) > 16) return wrongLength("region", "at most 16 characters", codePoints(region));
    regionCell = plain ? region : region.toWellFormed();
  }
  const amount = event.amount;
  if (amount !== undefined && amount !== null) {
    if (!(typeof amount === "number" && Number.isFinite(amount))) return wrongType("amount", "a number or null", amount);
    if ((amountCell = scaleDecimal(amount, 2)) === null) return wrongValue("amount", "a decimal with at most 2 places and 15 digits", amount);
  }
  const quantity = event.quantity;
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000) return wrongValue("quantity", "at least -1000000", quantity);
    if (quantity > 1000000) return wrongValue("quantity", "at most 1000000", quantity);
    quantityCell = quantity + 0;
  }
  const weight = event.weight;
  if (weight !== undefined && weight !== null) {
    if (!(typeof weight === "number" && Number.isFinite(weight))) return wrongType("weight", "a number or null", weight);
    if (weight < -1000000) return wrongValue("weight", "at least -1000000", weight);
    if (weight > 1000000) return wrongValue("weight", "at most 1000000", weight);
    weightCell = weight + 0;
  }
  const gift = event.gift;
  if (gift !== undefined && gift !== null) {
    if (typeof gift !== "boolean") return wrongType("gift", "a boolean or null", gift);
    giftCell = gift;
  }
  return {
    event_id: eventIdCell,
    event_type: eventTypeCell,
    event_time: eventTimeCell,
    user_id: userIdCell,
    item_id: itemIdCell,
    region: regionCell,
    amount: amountCell,
    quantity: quantityCell,
    weight: weightCell,
    gift: giftCell,
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

const EVENT_TYPE_VALUES = new Set<unknown>(["view_item", "add_to_cart", "purchase"]);

/** `readRow` from the places of the fields; anything but a row where `readRow` has to tell. */
export function readFields(fields: Fields): Row | string | null {
  const plain = true;
  let eventTypeCell: string | null = null;
  let eventTimeCell: number | null = null;
  let amountCell: number | null = null;
  let quantityCell: number | null = null;
  let weightCell: number | null = null;
  let giftCell: boolean | null = null;
  if (!fields.isText(0, 1, 64)) return null;
  const eventType = fields.value(1);
  if (typeof eventType !== "string") return wrongType("event_type", "a string", eventType);
  if (!EVENT_TYPE_VALUES.has(eventType)) return wrongType("event_type", "one of \"view_item\", \"add_to_cart\", \"purchase\"", eventType);
  eventTypeCell = plain ? eventType : eventType.toWellFormed();
  if (fields.isText(2, 0, 64)) {
    if ((eventTimeCell = fields.time(2)) === null) return null;
  } else {
    const eventTime = fields.value(2);
    if (typeof eventTime === "string") {
      if (eventTime.length > 64 && codePoints(eventTime) > 64) return wrongLength("event_time", "at most 64 characters", codePoints(eventTime));
      if ((eventTimeCell = parseTime(eventTime)) === null) return wrongType("event_time", "a time such as 2026-01-02T03:04:05.678Z", eventTime);
    } else if (typeof eventTime === "number" && Number.isInteger(eventTime)) {
      if (eventTime < -8640000000000000) return wrongType("event_time", "at least -8640000000000000", eventTime);
      if (eventTime > 8640000000000000) return wrongType("event_time", "at most 8640000000000000", eventTime);
      eventTimeCell = eventTime + 0;
    } else {
      return wrongType("event_time", "a string or an integer", eventTime);
    }
  }
  if (!fields.isText(3, 1, 64)) return null;
  const fieldItem = fields.value(4);
  if (fieldItem !== undefined && fieldItem !== null) {
    if (!isObject(fieldItem)) return wrongType("item", "an object or null", fieldItem);
    if (!fields.isText(5, 1, 64) && fields.has(5) && !fields.isNull(5)) return null;
  }
  if (!fields.isText(6, 0, 16) && fields.has(6) && !fields.isNull(6)) return null;
  const amount = fields.value(7);
  if (amount !== undefined && amount !== null) {
    if (!(typeof amount === "number" && Number.isFinite(amount))) return wrongType("amount", "a number or null", amount);
    if ((amountCell = scaleDecimal(amount, 2)) === null) return wrongType("amount", "a decimal with at most 2 places and 15 digits", amount);
  }
  const quantity = fields.value(8);
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000) return wrongType("quantity", "at least -1000000", quantity);
    if (quantity > 1000000) return wrongType("quantity", "at most 1000000", quantity);
    quantityCell = quantity + 0;
  }
  const weight = fields.value(9);
  if (weight !== undefined && weight !== null) {
    if (!(typeof weight === "number" && Number.isFinite(weight))) return wrongType("weight", "a number or null", weight);
    if (weight < -1000000) return wrongType("weight", "at least -1000000", weight);
    if (weight > 1000000) return wrongType("weight", "at most 1000000", weight);
    weightCell = weight + 0;
  }
  const gift = fields.value(10);
  if (gift !== undefined && gift !== null) {
    if (typeof gift !== "boolean") return wrongType("gift", "a boolean or null", gift);
    giftCell = gift;
  }
  return {
    event_id: fields.text(0),
    event_type: eventTypeCell,
    event_time: eventTimeCell,
    user_id: fields.text(3),
    item_id: fields.text(5),
    region: fields.text(6),
    amount: amountCell,
    quantity: quantityCell,
    weight: weightCell,
    gift: giftCell,
  };
}

/** The columns as the lake's JSON has them; undefined, which JSON.stringify leaves out, for null. */
export function toLakeColumns(row: Row): Record<string, Scalar | undefined> {
  return {
    event_id: row.event_id,
    event_type: row.event_type,
    event_time: isoTime(row.event_time as number),
    user_id: row.user_id,
    item_id: row.item_id ?? undefined,
    region: row.region ?? undefined,
    amount: row.amount === null ? undefined : fromScaled(row.amount as number, 2),
    quantity: row.quantity ?? undefined,
    weight: row.weight ?? undefined,
    gift: row.gift ?? undefined,
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
