// Written by `npm run generate` from event.schema.json: change that file, not this one.
import { type EventSchema, type Fields, fromScaled, isoTime, parseTime, type Row, type Scalar, scaleDecimal } from "@millrace/engine";

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
    { name: "quantity", path: ["quantity"], type: "bigint", required: false, sensitive: false, minimum: -1000000000 },
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
  let sessionIdCell: string | null = null;
  let itemIdCell: string | null = null;
  let categoryCell: string | null = null;
  let quantityCell: number | null = null;
  let amountCell: number | null = null;
  let currencyCell: string | null = null;
  let regionCell: string | null = null;
  let pageUrlCell: string | null = null;
  let pageTitleCell: string | null = null;
  let pageReferrerCell: string | null = null;
  let deviceTypeCell: string | null = null;
  let deviceOsCell: string | null = null;
  let deviceBrowserCell: string | null = null;
  let deviceLanguageCell: string | null = null;
  let deviceIpCell: string | null = null;
  let deviceUserAgentCell: string | null = null;
  let propertiesCell: string | null = null;
  const eventId = event.event_id;
  if (typeof eventId !== "string") return wrongType("event_id", "a string", eventId);
  if (eventId === "") return wrongLength("event_id", "at least 1 character", codePoints(eventId));
  if (eventId.length > 256 && codePoints(eventId) > 256) return wrongLength("event_id", "at most 256 characters", codePoints(eventId));
  eventIdCell = plain ? eventId : eventId.toWellFormed();
  const eventType = event.event_type;
  if (typeof eventType !== "string") return wrongType("event_type", "a string", eventType);
  if (eventType === "") return wrongLength("event_type", "at least 1 character", codePoints(eventType));
  if (eventType.length > 64 && codePoints(eventType) > 64) return wrongLength("event_type", "at most 64 characters", codePoints(eventType));
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
  if (userId.length > 256 && codePoints(userId) > 256) return wrongLength("user_id", "at most 256 characters", codePoints(userId));
  userIdCell = plain ? userId : userId.toWellFormed();
  const sessionId = event.session_id;
  if (sessionId !== undefined && sessionId !== null) {
    if (typeof sessionId !== "string") return wrongType("session_id", "a string or null", sessionId);
    if (sessionId.length > 256 && codePoints(sessionId) > 256) return wrongLength("session_id", "at most 256 characters", codePoints(sessionId));
    sessionIdCell = plain ? sessionId : sessionId.toWellFormed();
  }
  const itemId = event.item_id;
  if (itemId !== undefined && itemId !== null) {
    if (typeof itemId !== "string") return wrongType("item_id", "a string or null", itemId);
    if (itemId === "") return wrongLength("item_id", "at least 1 character", codePoints(itemId));
    if (itemId.length > 256 && codePoints(itemId) > 256) return wrongLength("item_id", "at most 256 characters", codePoints(itemId));
    itemIdCell = plain ? itemId : itemId.toWellFormed();
  }
  const category = event.category;
  if (category !== undefined && category !== null) {
    if (typeof category !== "string") return wrongType("category", "a string or null", category);
    if (category.length > 256 && codePoints(category) > 256) return wrongLength("category", "at most 256 characters", codePoints(category));
    categoryCell = plain ? category : category.toWellFormed();
  }
  const quantity = event.quantity;
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000000) return wrongValue("quantity", "at least -1000000000", quantity);
    if (quantity > 1000000000) return wrongValue("quantity", "at most 1000000000", quantity);
    quantityCell = quantity + 0;
  }
  const amount = event.amount;
  if (amount !== undefined && amount !== null) {
    if (typeof amount === "number" && Number.isFinite(amount)) {
      if ((amountCell = scaleDecimal(amount, 4)) === null) return wrongValue("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else if (typeof amount === "string") {
      if (amount.length > 32 && codePoints(amount) > 32) return wrongLength("amount", "at most 32 characters", codePoints(amount));
      if ((amountCell = scaleDecimal(amount, 4)) === null) return wrongValue("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else {
      return wrongType("amount", "a number or a string or null", amount);
    }
  }
  const currency = event.currency;
  if (currency !== undefined && currency !== null) {
    if (typeof currency !== "string") return wrongType("currency", "a string or null", currency);
    if (!CURRENCY_PATTERN.test(currency)) return wrongValue("currency", "a string that matches ^[A-Z]{3}$", currency);
    currencyCell = plain ? currency : currency.toWellFormed();
  }
  const region = event.region;
  if (region !== undefined && region !== null) {
    if (typeof region !== "string") return wrongType("region", "a string or null", region);
    if (region.length > 64 && codePoints(region) > 64) return wrongLength("region", "at most 64 characters", codePoints(region));
    regionCell = plain ? region : region.toWellFormed();
  }
  const page = event.page;
  if (page !== undefined && page !== null) {
    if (!isObject(page)) return wrongType("page", "an object or null", page);
    const pageUrl = page.url;
    if (pageUrl !== undefined && pageUrl !== null) {
      if (typeof pageUrl !== "string") return wrongType("page.url", "a string or null", pageUrl);
      if (pageUrl.length > 4096 && codePoints(pageUrl) > 4096) return wrongLength("page.url", "at most 4096 characters", codePoints(pageUrl));
      pageUrlCell = plain ? pageUrl : pageUrl.toWellFormed();
    }
    const pageTitle = page.title;
    if (pageTitle !== undefined && pageTitle !== null) {
      if (typeof pageTitle !== "string") return wrongType("page.title", "a string or null", pageTitle);
      if (pageTitle.length > 1024 && codePoints(pageTitle) > 1024) return wrongLength("page.title", "at most 1024 characters", codePoints(pageTitle));
      pageTitleCell = plain ? pageTitle : pageTitle.toWellFormed();
    }
    const pageReferrer = page.referrer;
    if (pageReferrer !== undefined && pageReferrer !== null) {
      if (typeof pageReferrer !== "string") return wrongType("page.referrer", "a string or null", pageReferrer);
      if (pageReferrer.length > 4096 && codePoints(pageReferrer) > 4096) return wrongLength("page.referrer", "at most 4096 characters", codePoints(pageReferrer));
      pageReferrerCell = plain ? pageReferrer : pageReferrer.toWellFormed();
    }
  }
  const device = event.device;
  if (device !== undefined && device !== null) {
    if (!isObject(device)) return wrongType("device", "an object or null", device);
    const deviceType = device.type;
    if (deviceType !== undefined && deviceType !== null) {
      if (typeof deviceType !== "string") return wrongType("device.type", "a string or null", deviceType);
      if (deviceType.length > 64 && codePoints(deviceType) > 64) return wrongLength("device.type", "at most 64 characters", codePoints(deviceType));
      deviceTypeCell = plain ? deviceType : deviceType.toWellFormed();
    }
    const deviceOs = device.os;
    if (deviceOs !== undefined && deviceOs !== null) {
      if (typeof deviceOs !== "string") return wrongType("device.os", "a string or null", deviceOs);
      if (deviceOs.length > 64 && codePoints(deviceOs) > 64) return wrongLength("device.os", "at most 64 characters", codePoints(deviceOs));
      deviceOsCell = plain ? deviceOs : deviceOs.toWellFormed();
    }
    const deviceBrowser = device.browser;
    if (deviceBrowser !== undefined && deviceBrowser !== null) {
      if (typeof deviceBrowser !== "string") return wrongType("device.browser", "a string or null", deviceBrowser);
      if (deviceBrowser.length > 64 && codePoints(deviceBrowser) > 64) return wrongLength("device.browser", "at most 64 characters", codePoints(deviceBrowser));
      deviceBrowserCell = plain ? deviceBrowser : deviceBrowser.toWellFormed();
    }
    const deviceLanguage = device.language;
    if (deviceLanguage !== undefined && deviceLanguage !== null) {
      if (typeof deviceLanguage !== "string") return wrongType("device.language", "a string or null", deviceLanguage);
      if (deviceLanguage.length > 64 && codePoints(deviceLanguage) > 64) return wrongLength("device.language", "at most 64 characters", codePoints(deviceLanguage));
      deviceLanguageCell = plain ? deviceLanguage : deviceLanguage.toWellFormed();
    }
    const deviceIp = device.ip;
    if (deviceIp !== undefined && deviceIp !== null) {
      if (typeof deviceIp !== "string") return wrongType("device.ip", "a string or null", deviceIp);
      if (deviceIp.length > 64 && codePoints(deviceIp) > 64) return wrongLength("device.ip", "at most 64 characters", codePoints(deviceIp));
      deviceIpCell = plain ? deviceIp : deviceIp.toWellFormed();
    }
    const deviceUserAgent = device.user_agent;
    if (deviceUserAgent !== undefined && deviceUserAgent !== null) {
      if (typeof deviceUserAgent !== "string") return wrongType("device.user_agent", "a string or null", deviceUserAgent);
      if (deviceUserAgent.length > 1024 && codePoints(deviceUserAgent) > 1024) return wrongLength("device.user_agent", "at most 1024 characters", codePoints(deviceUserAgent));
      deviceUserAgentCell = plain ? deviceUserAgent : deviceUserAgent.toWellFormed();
    }
  }
  const properties = event.properties;
  if (properties !== undefined && properties !== null) {
    if (!isObject(properties)) return wrongType("properties", "an object or null", properties);
    if ((propertiesCell = jsonText(properties, 100, plain)) === null) return "properties: expected at most 100 levels of nesting, got more";
  }
  return {
    event_id: eventIdCell,
    event_type: eventTypeCell,
    event_time: eventTimeCell,
    user_id: userIdCell,
    session_id: sessionIdCell,
    item_id: itemIdCell,
    category: categoryCell,
    quantity: quantityCell,
    amount: amountCell,
    currency: currencyCell,
    region: regionCell,
    page_url: pageUrlCell,
    page_title: pageTitleCell,
    page_referrer: pageReferrerCell,
    device_type: deviceTypeCell,
    device_os: deviceOsCell,
    device_browser: deviceBrowserCell,
    device_language: deviceLanguageCell,
    device_ip: deviceIpCell,
    device_user_agent: deviceUserAgentCell,
    properties: propertiesCell,
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

const CURRENCY_PATTERN = /^[A-Z]{3}$/u;

/** `readRow` from the places of the fields; anything but a row where `readRow` has to tell. */
export function readFields(fields: Fields): Row | string | null {
  const plain = true;
  let eventTimeCell: number | null = null;
  let quantityCell: number | null = null;
  let amountCell: number | null = null;
  let currencyCell: string | null = null;
  if (!fields.isText(0, 1, 256)) return null;
  if (!fields.isText(1, 1, 64)) return null;
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
  if (!fields.isText(3, 1, 256)) return null;
  if (!fields.isText(4, 0, 256) && fields.has(4) && !fields.isNull(4)) return null;
  if (!fields.isText(5, 1, 256) && fields.has(5) && !fields.isNull(5)) return null;
  if (!fields.isText(6, 0, 256) && fields.has(6) && !fields.isNull(6)) return null;
  const quantity = fields.value(7);
  if (quantity !== undefined && quantity !== null) {
    if (!(typeof quantity === "number" && Number.isInteger(quantity))) return wrongType("quantity", "an integer or null", quantity);
    if (quantity < -1000000000) return wrongType("quantity", "at least -1000000000", quantity);
    if (quantity > 1000000000) return wrongType("quantity", "at most 1000000000", quantity);
    quantityCell = quantity + 0;
  }
  const amount = fields.value(8);
  if (amount !== undefined && amount !== null) {
    if (typeof amount === "number" && Number.isFinite(amount)) {
      if ((amountCell = scaleDecimal(amount, 4)) === null) return wrongType("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else if (typeof amount === "string") {
      if (amount.length > 32 && codePoints(amount) > 32) return wrongLength("amount", "at most 32 characters", codePoints(amount));
      if ((amountCell = scaleDecimal(amount, 4)) === null) return wrongType("amount", "a decimal with at most 4 places and 15 digits", amount);
    } else {
      return wrongType("amount", "a number or a string or null", amount);
    }
  }
  const currency = fields.value(9);
  if (currency !== undefined && currency !== null) {
    if (typeof currency !== "string") return wrongType("currency", "a string or null", currency);
    if (!CURRENCY_PATTERN.test(currency)) return wrongType("currency", "a string that matches ^[A-Z]{3}$", currency);
    currencyCell = plain ? currency : currency.toWellFormed();
  }
  if (!fields.isText(10, 0, 64) && fields.has(10) && !fields.isNull(10)) return null;
  const page = fields.value(11);
  if (page !== undefined && page !== null) {
    if (!isObject(page)) return wrongType("page", "an object or null", page);
    if (!fields.isText(12, 0, 4096) && fields.has(12) && !fields.isNull(12)) return null;
    if (!fields.isText(13, 0, 1024) && fields.has(13) && !fields.isNull(13)) return null;
    if (!fields.isText(14, 0, 4096) && fields.has(14) && !fields.isNull(14)) return null;
  }
  const device = fields.value(15);
  if (device !== undefined && device !== null) {
    if (!isObject(device)) return wrongType("device", "an object or null", device);
    if (!fields.isText(16, 0, 64) && fields.has(16) && !fields.isNull(16)) return null;
    if (!fields.isText(17, 0, 64) && fields.has(17) && !fields.isNull(17)) return null;
    if (!fields.isText(18, 0, 64) && fields.has(18) && !fields.isNull(18)) return null;
    if (!fields.isText(19, 0, 64) && fields.has(19) && !fields.isNull(19)) return null;
    if (!fields.isText(20, 0, 64) && fields.has(20) && !fields.isNull(20)) return null;
    if (!fields.isText(21, 0, 1024) && fields.has(21) && !fields.isNull(21)) return null;
  }
  if (!fields.isObject(22) && fields.has(22) && !fields.isNull(22)) return null;
  return {
    event_id: fields.text(0),
    event_type: fields.text(1),
    event_time: eventTimeCell,
    user_id: fields.text(3),
    session_id: fields.text(4),
    item_id: fields.text(5),
    category: fields.text(6),
    quantity: quantityCell,
    amount: amountCell,
    currency: currencyCell,
    region: fields.text(10),
    page_url: fields.text(12),
    page_title: fields.text(13),
    page_referrer: fields.text(14),
    device_type: fields.text(16),
    device_os: fields.text(17),
    device_browser: fields.text(18),
    device_language: fields.text(19),
    device_ip: fields.text(20),
    device_user_agent: fields.text(21),
    properties: fields.json(22),
  };
}

/** The columns as the lake's JSON has them; undefined, which JSON.stringify leaves out, for null. */
export function toLakeColumns(row: Row): Record<string, Scalar | undefined> {
  return {
    event_id: row.event_id,
    event_type: row.event_type,
    event_time: isoTime(row.event_time as number),
    user_id: row.user_id,
    session_id: row.session_id ?? undefined,
    item_id: row.item_id ?? undefined,
    category: row.category ?? undefined,
    quantity: row.quantity ?? undefined,
    amount: row.amount === null ? undefined : fromScaled(row.amount as number, 4),
    currency: row.currency ?? undefined,
    region: row.region ?? undefined,
    page_url: row.page_url ?? undefined,
    page_title: row.page_title ?? undefined,
    page_referrer: row.page_referrer ?? undefined,
    device_type: row.device_type ?? undefined,
    device_os: row.device_os ?? undefined,
    device_browser: row.device_browser ?? undefined,
    device_language: row.device_language ?? undefined,
    device_ip: row.device_ip ?? undefined,
    device_user_agent: row.device_user_agent ?? undefined,
    properties: row.properties ?? undefined,
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
