// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, type Fields, isoTime, parseTime, type Row, type Scalar } from "@millrace/engine";

/** One person signed up, one auction was opened, or one bid was made. */
export interface AuctionEvent {
  readonly event_id: string;
  readonly kind: "person" | "auction" | "bid";
  /** RFC 3339 or epoch milliseconds. */
  readonly event_time: string | number;
  /** Who did it: the person who signed up, the seller of the auction, the bidder. Also the stream's partition key. */
  readonly person_id: string;
  /** The auction that was opened or bid on. */
  readonly auction_id?: string;
  /** Cents: what was bid, or the auction's first price. */
  readonly price?: number;
  /** Below 100.00, below 10,000.00, or above. */
  readonly price_range?: "low" | "middle" | "high";
  readonly category?: string;
  /** When the auction ends. */
  readonly expires?: string | number;
}

/** What the engine knows of an event. */
export const eventSchema: EventSchema = {
  idColumn: "event_id",
  timeColumn: "event_time",
  columns: [
    { name: "event_id", path: ["event_id"], type: "string", required: true, sensitive: false, maxLength: 32 },
    { name: "kind", path: ["kind"], type: "string", required: true, sensitive: false, maxLength: 7 },
    { name: "event_time", path: ["event_time"], type: "timestamp", required: true, sensitive: false },
    { name: "person_id", path: ["person_id"], type: "string", required: true, sensitive: false, maxLength: 16 },
    { name: "auction_id", path: ["auction_id"], type: "string", required: false, sensitive: false, maxLength: 16 },
    { name: "price", path: ["price"], type: "bigint", required: false, sensitive: false, minimum: 0 },
    { name: "price_range", path: ["price_range"], type: "string", required: false, sensitive: false, maxLength: 6 },
    { name: "category", path: ["category"], type: "string", required: false, sensitive: false, maxLength: 16 },
    { name: "expires", path: ["expires"], type: "timestamp", required: false, sensitive: false },
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
  let kindCell: string | null = null;
  let eventTimeCell: number | null = null;
  let personIdCell: string | null = null;
  let auctionIdCell: string | null = null;
  let priceCell: number | null = null;
  let priceRangeCell: string | null = null;
  let categoryCell: string | null = null;
  let expiresCell: number | null = null;
  const eventId = event.event_id;
  if (typeof eventId !== "string") return wrongType("event_id", "a string", eventId);
  if (eventId === "") return wrongLength("event_id", "at least 1 character", codePoints(eventId));
  if (eventId.length > 32 && codePoints(eventId) > 32) return wrongLength("event_id", "at most 32 characters", codePoints(eventId));
  eventIdCell = plain ? eventId : eventId.toWellFormed();
  const kind = event.kind;
  if (typeof kind !== "string") return wrongType("kind", "a string", kind);
  if (!KIND_VALUES.has(kind)) return wrongValue("kind", "one of \"person\", \"auction\", \"bid\"", kind);
  if (kind.length > 16 && codePoints(kind) > 16) return wrongLength("kind", "at most 16 characters", codePoints(kind));
  kindCell = plain ? kind : kind.toWellFormed();
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
  const personId = event.person_id;
  if (typeof personId !== "string") return wrongType("person_id", "a string", personId);
  if (personId.length > 16 && codePoints(personId) > 16) return wrongLength("person_id", "at most 16 characters", codePoints(personId));
  if (!PERSON_ID_PATTERN.test(personId)) return wrongValue("person_id", "a string that matches ^[0-9]+$", personId);
  personIdCell = plain ? personId : personId.toWellFormed();
  const auctionId = event.auction_id;
  if (auctionId !== undefined) {
    if (typeof auctionId !== "string") return wrongType("auction_id", "a string", auctionId);
    if (auctionId.length > 16 && codePoints(auctionId) > 16) return wrongLength("auction_id", "at most 16 characters", codePoints(auctionId));
    if (!AUCTION_ID_PATTERN.test(auctionId)) return wrongValue("auction_id", "a string that matches ^[0-9]+$", auctionId);
    auctionIdCell = plain ? auctionId : auctionId.toWellFormed();
  }
  const price = event.price;
  if (price !== undefined) {
    if (!(typeof price === "number" && Number.isInteger(price))) return wrongType("price", "an integer", price);
    if (price < 0) return wrongValue("price", "at least 0", price);
    if (price > 9007199254740991) return wrongValue("price", "at most 9007199254740991", price);
    priceCell = price + 0;
  }
  const priceRange = event.price_range;
  if (priceRange !== undefined) {
    if (typeof priceRange !== "string") return wrongType("price_range", "a string", priceRange);
    if (!PRICE_RANGE_VALUES.has(priceRange)) return wrongValue("price_range", "one of \"low\", \"middle\", \"high\"", priceRange);
    if (priceRange.length > 8 && codePoints(priceRange) > 8) return wrongLength("price_range", "at most 8 characters", codePoints(priceRange));
    priceRangeCell = plain ? priceRange : priceRange.toWellFormed();
  }
  const category = event.category;
  if (category !== undefined) {
    if (typeof category !== "string") return wrongType("category", "a string", category);
    if (category.length > 16 && codePoints(category) > 16) return wrongLength("category", "at most 16 characters", codePoints(category));
    categoryCell = plain ? category : category.toWellFormed();
  }
  const expires = event.expires;
  if (expires !== undefined) {
    if (typeof expires === "string") {
      if (expires.length > 64 && codePoints(expires) > 64) return wrongLength("expires", "at most 64 characters", codePoints(expires));
      if ((expiresCell = parseTime(expires)) === null) return wrongValue("expires", "a time such as 2026-01-02T03:04:05.678Z", expires);
    } else if (typeof expires === "number" && Number.isInteger(expires)) {
      if (expires < -8640000000000000) return wrongValue("expires", "at least -8640000000000000", expires);
      if (expires > 8640000000000000) return wrongValue("expires", "at most 8640000000000000", expires);
      expiresCell = expires + 0;
    } else {
      return wrongType("expires", "a string or an integer", expires);
    }
  }
  return {
    event_id: eventIdCell,
    kind: kindCell,
    event_time: eventTimeCell,
    person_id: personIdCell,
    auction_id: auctionIdCell,
    price: priceCell,
    price_range: priceRangeCell,
    category: categoryCell,
    expires: expiresCell,
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

const KIND_VALUES = new Set<unknown>(["person", "auction", "bid"]);

const PERSON_ID_PATTERN = /^[0-9]+$/u;

const AUCTION_ID_PATTERN = /^[0-9]+$/u;

const PRICE_RANGE_VALUES = new Set<unknown>(["low", "middle", "high"]);

/** `readRow` from the places of the fields; anything but a row where `readRow` has to tell. */
export function readFields(fields: Fields): Row | string | null {
  const plain = true;
  let kindCell: string | null = null;
  let eventTimeCell: number | null = null;
  let personIdCell: string | null = null;
  let auctionIdCell: string | null = null;
  let priceCell: number | null = null;
  let priceRangeCell: string | null = null;
  let expiresCell: number | null = null;
  if (!fields.isText(0, 1, 32)) return null;
  const kind = fields.value(1);
  if (typeof kind !== "string") return wrongType("kind", "a string", kind);
  if (!KIND_VALUES.has(kind)) return wrongType("kind", "one of \"person\", \"auction\", \"bid\"", kind);
  if (kind.length > 16 && codePoints(kind) > 16) return wrongLength("kind", "at most 16 characters", codePoints(kind));
  kindCell = plain ? kind : kind.toWellFormed();
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
  const personId = fields.value(3);
  if (typeof personId !== "string") return wrongType("person_id", "a string", personId);
  if (personId.length > 16 && codePoints(personId) > 16) return wrongLength("person_id", "at most 16 characters", codePoints(personId));
  if (!PERSON_ID_PATTERN.test(personId)) return wrongType("person_id", "a string that matches ^[0-9]+$", personId);
  personIdCell = plain ? personId : personId.toWellFormed();
  const auctionId = fields.value(4);
  if (auctionId !== undefined) {
    if (typeof auctionId !== "string") return wrongType("auction_id", "a string", auctionId);
    if (auctionId.length > 16 && codePoints(auctionId) > 16) return wrongLength("auction_id", "at most 16 characters", codePoints(auctionId));
    if (!AUCTION_ID_PATTERN.test(auctionId)) return wrongType("auction_id", "a string that matches ^[0-9]+$", auctionId);
    auctionIdCell = plain ? auctionId : auctionId.toWellFormed();
  }
  const price = fields.value(5);
  if (price !== undefined) {
    if (!(typeof price === "number" && Number.isInteger(price))) return wrongType("price", "an integer", price);
    if (price < 0) return wrongType("price", "at least 0", price);
    if (price > 9007199254740991) return wrongType("price", "at most 9007199254740991", price);
    priceCell = price + 0;
  }
  const priceRange = fields.value(6);
  if (priceRange !== undefined) {
    if (typeof priceRange !== "string") return wrongType("price_range", "a string", priceRange);
    if (!PRICE_RANGE_VALUES.has(priceRange)) return wrongType("price_range", "one of \"low\", \"middle\", \"high\"", priceRange);
    if (priceRange.length > 8 && codePoints(priceRange) > 8) return wrongLength("price_range", "at most 8 characters", codePoints(priceRange));
    priceRangeCell = plain ? priceRange : priceRange.toWellFormed();
  }
  if (!fields.isText(7, 0, 16) && fields.has(7)) return null;
  if (fields.isText(8, 0, 64)) {
    if ((expiresCell = fields.time(8)) === null) return null;
  } else {
    const expires = fields.value(8);
    if (expires !== undefined) {
      if (typeof expires === "string") {
        if (expires.length > 64 && codePoints(expires) > 64) return wrongLength("expires", "at most 64 characters", codePoints(expires));
        if ((expiresCell = parseTime(expires)) === null) return wrongType("expires", "a time such as 2026-01-02T03:04:05.678Z", expires);
      } else if (typeof expires === "number" && Number.isInteger(expires)) {
        if (expires < -8640000000000000) return wrongType("expires", "at least -8640000000000000", expires);
        if (expires > 8640000000000000) return wrongType("expires", "at most 8640000000000000", expires);
        expiresCell = expires + 0;
      } else {
        return wrongType("expires", "a string or an integer", expires);
      }
    }
  }
  return {
    event_id: fields.text(0),
    kind: kindCell,
    event_time: eventTimeCell,
    person_id: personIdCell,
    auction_id: auctionIdCell,
    price: priceCell,
    price_range: priceRangeCell,
    category: fields.text(7),
    expires: expiresCell,
  };
}

/** The columns as the lake's JSON has them; undefined, which JSON.stringify leaves out, for null. */
export function toLakeColumns(row: Row): Record<string, Scalar | undefined> {
  return {
    event_id: row.event_id,
    kind: row.kind,
    event_time: isoTime(row.event_time as number),
    person_id: row.person_id,
    auction_id: row.auction_id ?? undefined,
    price: row.price ?? undefined,
    price_range: row.price_range ?? undefined,
    category: row.category ?? undefined,
    expires: row.expires === null ? undefined : isoTime(row.expires as number),
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
