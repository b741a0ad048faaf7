/** Shop events of about 500 bytes, as Kinesis hands them to Lambda: the input of every row, so that rows can be compared. */
import { createHash } from "node:crypto";
import type { StreamRecord } from "@millrace/engine";

const START = Date.parse("2026-03-01T12:00:00Z");
const TYPES = ["view_item", "view_item", "view_item", "add_to_cart", "purchase", "page_view"];

export interface Sent {
  readonly data: string; // base64
  readonly record: StreamRecord;
}

/** `count` events in batches of `batchSize`, each user with `perEntity` events in a batch. */
export function makeEvents(count: number, batchSize: number, perEntity: number): readonly Sent[] {
  return Array.from({ length: count }, (_, i) => {
    const user = `user-${String(i % Math.ceil(batchSize / perEntity)).padStart(6, "0")}`;
    const eventMs = START + i * 20;
    const bytes = Buffer.from(JSON.stringify(event(i, user, eventMs)));
    const sequence = (
      49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n + BigInt(i)
    ).toString();
    const position = { shard: "shardId-000000000000", sequence, subSequence: 0 };
    return {
      data: bytes.toString("base64"),
      record: { position, partitionKey: user, arrivalMs: eventMs + 150, data: bytes },
    };
  });
}

function event(i: number, user: string, eventMs: number) {
  const item = createHash("md5").update(String(i)).digest().readUInt16BE(0) % 1000;
  return {
    event_id: createHash("md5").update(`event ${i}`).digest("hex"),
    event_type: TYPES[i % TYPES.length],
    event_time: new Date(eventMs).toISOString(),
    user_id: user,
    session_id: `session-${user}-1`,
    item_id: `item-${String(item).padStart(4, "0")}`,
    category: "shoes",
    quantity: 1,
    amount: (item * 7 + 995) / 100,
    currency: "EUR",
    region: "eu-west",
    page: { url: `https://shop.example/items/${item}`, title: `Item ${item}`, referrer: "https://search.example/" },
    device: { type: "phone", os: "android", browser: "chrome", language: "en" },
    properties: { campaign: "spring" },
  };
}
