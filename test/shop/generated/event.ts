// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, parseTime, type Row, scaleDecimal } from "@millrace/engine";

/** One thing that a visitor did. Fields that are not declared here are allowed and kept in the raw archive. */
export interface ClickstreamEvent {
  /** Chosen by the producer, and the same whenever it sends the same event again. */
  readonly event_id: string;
  /** What happened: view_item, add_to_cart, purchase, search, … */
  readonly event_type: string;
  /** When it happened: RFC 3339 with Z or an offset, or epoch milliseconds. */
  readonly event_time: string | number;
  /** Who did it. Also the stream's partition key, which Kinesis limits to 256 characters. */
  readonly user_id: string;
  readonly session_id?: string | null;
  /** The item it was about. */
  readonly item_id?: string | null;
  readonly category?: string | null;
  /** Negative for what came back. */
  readonly quantity?: number | null;
  /** Money, as a number or a string, at most four decimal places. Exact: it is kept as a scaled integer. */
  readonly amount?: number | string | null;
  /** ISO 4217. */
  readonly currency?: string | null;
  readonly region?: string | null;
  readonly page?: {
    readonly url?: string | null;
    readonly title?: string | null;
    /** May carry another site's search terms or tokens. */
    readonly referrer?: string | null;
  } | null;
  readonly device?: {
    /** phone, tablet, desktop, … */
    readonly type?: string | null;
    readonly os?: string | null;
    readonly browser?: string | null;
    /** BCP 47. */
    readonly language?: string | null;
    readonly ip?: string | null;
    readonly user_agent?: string | null;
  } | null;
  /** Anything else worth keeping. Nobody knows what is in it, so analysts do not see it unless you say so. */
  readonly properties?: { readonly [field: string]: unknown } | null;
}

/** What the engine knows of an event. */
export const eventSchema: EventSchema = {
  idColumn: "event_id",
  timeColumn: "event_time",
  columns: [
    { name: "event_id", path: ["event_id"], type: "string", required: true, sensitive: false, maxLength: 256 },
    { name: "event_type", path: ["event_type"], type: "string", required: true, sensitive: false, maxLength: 64 },
    { name: "event_time", path: ["event_time"], type: "timestamp", required: true, sensitive: false },
    { name: "user_id", path: ["user_id"], type: "string", required: true, sensitive: false, maxLength: 256 },
    { name: "session_id", path: ["session_id"], type: "string", required: false, sensitive: false, maxLength: 256 },
    { name: "item_id", path: ["item_id"], type: "string", required: false, sensitive: false, maxLength: 256 },
    { name: "category", path: ["category"], type: "string", required: false, sensitive: false, maxLength: 256 },
    { name: "quantity", path: ["quantity"], type: "bigint", required: false, sensitive: false },
    { name: "amount", path: ["amount"], type: { decimal: { precision: 18, scale: 4 } }, required: false, sensitive: false },
    { name: "currency", path: ["currency"], type: "string", required: false, sensitive: false },
    { name: "region", path: ["region"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "page_url", path: ["page", "url"], type: "string", required: false, sensitive: false, maxLength: 4096 },
    { name: "page_title", path: ["page", "title"], type: "string", required: false, sensitive: false, maxLength: 1024 },
    { name: "page_referrer", path: ["page", "referrer"], type: "string", required: false, sensitive: true, maxLength: 4096 },
    { name: "device_type", path: ["device", "type"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "device_os", path: ["device", "os"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "device_browser", path: ["device", "browser"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "device_language", path: ["device", "language"], type: "string", required: false, sensitive: false, maxLength: 64 },
    { name: "device_ip", path: ["device", "ip"], type: "string", required: false, sensitive: true, maxLength: 64 },
    { name: "device_user_agent", path: ["device", "user_agent"], type: "string", required: false, sensitive: true, maxLength: 1024 },
    { name: "properties", path: ["properties"], type: "string", required: false, sensitive: true },
  ],
  partitionColumns: [],
  validate,
  toRow,
};

/** Null when valid, else the first violation: what was expected where, and what came. */
export function validate(value: unknown): string | null {
  return isObject(value) ? checkEvent(value) : wrongType("event", "an object", value);
}

const CURRENCY_PATTERN = /^[A-Z]{3}$/u;

function checkEvent(fields: JsonObject): string | null {
  const eventId = fields.event_id;
  if (typeof eventId !== "string") return wrongType("event_id", "a string", eventId);
  if (eventId === "") return wrongLength("event_id", "at least 1 character", codePoints(eventId));
  if (eventId.length > 256 && codePoints(eventId) > 256) return wrongLength("event_id", "at most 256 characters", codePoints(eventId));
  const eventType = fields.event_type;
  if (typeof eventType !== "string") return wrongType("event_type", "a string", eventType);
  if (eventType === "") return wrongLength("event_type", "at least 1 character", codePoints(eventType));
  if (eventType.length > 64 && codePoints(eventType) > 64) return wrongLength("event_type", "at most 64 characters", codePoints(eventType));
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
  if (userId.length > 256 && codePoints(userId) > 256) return wrongLength("user_id", "at most 256 characters", codePoints(userId));
  const sessionId = fields.session_id;
  if (sessionId !== undefined && sessionId !== null) {
    if (typeof sessionId !== "string") return wrongType("session_id", "a string or null", sessionId);
    if (sessionId.length > 256 && codePoints(sessionId) > 256) return wrongLength("session_id", "at most 256 characters", codePoints(sessionId));
  }
  const itemId = fields.item_id;
  if (itemId !== undefined && itemId !== null) {
    if (typeof itemId !== "string") return wrongType("item_id", "a string or null", itemId);
    if (itemId === "") return wrongLength("item_id", "at least 1 character", codePoints(itemId));
    if (itemId.length > 256 && codePoints(itemId) > 256) return wrongLength("item_id", "at most 256 characters", codePoints(itemId));
  }
  const category = fields.category;
  if (category !== undefined && category !== null) {
    if (typeof category !== "string") return wrongType("category", "a string or null", category);
    if (category.length > 256 && codePoints(category) > 256) return wrongLength("category", "at most 256 characters", codePoints(category));
  }
  const quantity = fields.quantity;
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000000) return wrongValue("quantity", "at least -1000000000", quantity);
    if (quantity > 1000000000) return wrongValue("quantity", "at most 1000000000", quantity);
  }
  const amount = fields.amount;
  if (amount !== undefined && amount !== null) {
    if (typeof amount === "number" && Number.isFinite(amount)) {
      if (scaleDecimal(amount, 4) === null) return wrongValue("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else if (typeof amount === "string") {
      if (amount.length > 32 && codePoints(amount) > 32) return wrongLength("amount", "at most 32 characters", codePoints(amount));
      if (scaleDecimal(amount, 4) === null) return wrongValue("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else {
      return wrongType("amount", "a number or a string or null", amount);
    }
  }
  const currency = fields.currency;
  if (currency !== undefined && currency !== null) {
    if (typeof currency !== "string") return wrongType("currency", "a string or null", currency);
    if (!CURRENCY_PATTERN.test(currency)) return wrongValue("currency", "a string that matches ^[A-Z]{3}$", currency);
  }
  const region = fields.region;
  if (region !== undefined && region !== null) {
    if (typeof region !== "string") return wrongType("region", "a string or null", region);
    if (region.length > 64 && codePoints(region) > 64) return wrongLength("region", "at most 64 characters", codePoints(region));
  }
  const page = fields.page;
  if (page !== undefined && page !== null) {
    if (!isObject(page)) return wrongType("page", "an object or null", page);
    const pageViolation = checkPage(page);
    if (pageViolation !== null) return `page.${pageViolation}`;
  }
  const device = fields.device;
  if (device !== undefined && device !== null) {
    if (!isObject(device)) return wrongType("device", "an object or null", device);
    const deviceViolation = checkDevice(device);
    if (deviceViolation !== null) return `device.${deviceViolation}`;
  }
  const properties = fields.properties;
  if (properties !== undefined && properties !== null) {
    if (!isObject(properties)) return wrongType("properties", "an object or null", properties);
    if (isDeeperThan(100, properties)) return "properties: expected at most 100 levels of nesting, got more";
  }
  return null;
}

function checkPage(fields: JsonObject): string | null {
  const url = fields.url;
  if (url !== undefined && url !== null) {
    if (typeof url !== "string") return wrongType("url", "a string or null", url);
    if (url.length > 4096 && codePoints(url) > 4096) return wrongLength("url", "at most 4096 characters", codePoints(url));
  }
  const title = fields.title;
  if (title !== undefined && title !== null) {
    if (typeof title !== "string") return wrongType("title", "a string or null", title);
    if (title.length > 1024 && codePoints(title) > 1024) return wrongLength("title", "at most 1024 characters", codePoints(title));
  }
  const referrer = fields.referrer;
  if (referrer !== undefined && referrer !== null) {
    if (typeof referrer !== "string") return wrongType("referrer", "a string or null", referrer);
    if (referrer.length > 4096 && codePoints(referrer) > 4096) return wrongLength("referrer", "at most 4096 characters", codePoints(referrer));
  }
  return null;
}

function checkDevice(fields: JsonObject): string | null {
  const fieldType = fields.type;
  if (fieldType !== undefined && fieldType !== null) {
    if (typeof fieldType !== "string") return wrongType("type", "a string or null", fieldType);
    if (fieldType.length > 64 && codePoints(fieldType) > 64) return wrongLength("type", "at most 64 characters", codePoints(fieldType));
  }
  const os = fields.os;
  if (os !== undefined && os !== null) {
    if (typeof os !== "string") return wrongType("os", "a string or null", os);
    if (os.length > 64 && codePoints(os) > 64) return wrongLength("os", "at most 64 characters", codePoints(os));
  }
  const browser = fields.browser;
  if (browser !== undefined && browser !== null) {
    if (typeof browser !== "string") return wrongType("browser", "a string or null", browser);
    if (browser.length > 64 && codePoints(browser) > 64) return wrongLength("browser", "at most 64 characters", codePoints(browser));
  }
  const language = fields.language;
  if (language !== undefined && language !== null) {
    if (typeof language !== "string") return wrongType("language", "a string or null", language);
    if (language.length > 64 && codePoints(language) > 64) return wrongLength("language", "at most 64 characters", codePoints(language));
  }
  const ip = fields.ip;
  if (ip !== undefined && ip !== null) {
    if (typeof ip !== "string") return wrongType("ip", "a string or null", ip);
    if (ip.length > 64 && codePoints(ip) > 64) return wrongLength("ip", "at most 64 characters", codePoints(ip));
  }
  const userAgent = fields.user_agent;
  if (userAgent !== undefined && userAgent !== null) {
    if (typeof userAgent !== "string") return wrongType("user_agent", "a string or null", userAgent);
    if (userAgent.length > 1024 && codePoints(userAgent) > 1024) return wrongLength("user_agent", "at most 1024 characters", codePoints(userAgent));
  }
  return null;
}

/** The flat row of a valid event. Texts are made well-formed, so that no store has to replace a lone surrogate later. */
export function toRow(value: unknown): Row {
  const event = value as ClickstreamEvent;
  return {
    event_id: text(event.event_id),
    event_type: text(event.event_type),
    event_time: time(event.event_time),
    user_id: text(event.user_id),
    session_id: text(event.session_id),
    item_id: text(event.item_id),
    category: text(event.category),
    quantity: number(event.quantity),
    amount: decimal(event.amount, 4),
    currency: text(event.currency),
    region: text(event.region),
    page_url: text(event.page?.url),
    page_title: text(event.page?.title),
    page_referrer: text(event.page?.referrer),
    device_type: text(event.device?.type),
    device_os: text(event.device?.os),
    device_browser: text(event.device?.browser),
    device_language: text(event.device?.language),
    device_ip: text(event.device?.ip),
    device_user_agent: text(event.device?.user_agent),
    properties: json(event.properties),
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
