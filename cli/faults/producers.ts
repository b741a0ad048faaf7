/** What goes wrong before the stream: producers that send again, late, out of order, by a wrong clock, or what nobody can read. */
import type { Draws } from "../../local/faults/draw.ts";
import { createHeap } from "../sample-day/heap.ts";

export interface Sent {
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

export interface ProducerOptions<R extends Sent> {
  readonly draws: Draws;
  readonly allowedLatenessMs: number;
  readonly maxSkewMs: number;
  /** The record as its producer would have sent it whose clock is so much ahead. */
  readonly skew: (record: R, aheadMs: number) => R;
  /** A record beside this one that cannot be used. */
  readonly poison: (record: R, data: Uint8Array) => R;
}

/** The records with these faults in them, in the order of their arrival; each is known to the draws by its number. */
export async function* faultyProducers<R extends Sent>(
  records: AsyncIterable<R> | Iterable<R>,
  options: ProducerOptions<R>,
): AsyncGenerator<R> {
  const waiting = createHeap<R>();
  let number = 0;
  for await (const record of records) {
    for (let late = waiting.popBefore(record.arrivalMs); late; late = waiting.popBefore(record.arrivalMs)) yield late;
    for (const sent of sentFor(record, number++, options)) waiting.push(sent.arrivalMs, sent);
  }
  for (let late = waiting.popBefore(Number.POSITIVE_INFINITY); late; late = waiting.popBefore(Number.POSITIVE_INFINITY))
    yield late;
}

function* sentFor<R extends Sent>(record: R, number: number, options: ProducerOptions<R>) {
  const { draws, allowedLatenessMs, skew, poison } = options;
  if (draws.happens("poison", number)) {
    yield poison(record, poisons[Math.floor(draws.share("kind of poison", number) * poisons.length)] as Uint8Array);
  }
  const aheadMs = skewOf(record.partitionKey, options);
  const skewed = aheadMs === 0 ? record : skew(record, aheadMs);
  const delayMs =
    (draws.happens("delay", number) ? 1000 + draws.share("delay", number) * 1.3 * allowedLatenessMs : 0) +
    (draws.happens("reorder", number) ? 1 + draws.share("reorder", number) * 2000 : 0);
  const sent = { ...skewed, arrivalMs: record.arrivalMs + Math.floor(delayMs) };
  yield sent;
  for (let copy = 0; copy < 3 && draws.happens("repeat", number, copy); copy++) {
    const [kind, share] = [draws.share("kind of repeat", number, copy), draws.share("repeat after", number, copy)];
    const afterMs = kind < 0.3 ? 0 : kind < 0.7 ? share * 5000 : share * allowedLatenessMs;
    yield { ...sent, arrivalMs: sent.arrivalMs + Math.floor(afterMs) };
  }
}

/** A clock is wrong for good, so all of a partition key's events are off by the same. Zero for most. */
function skewOf(
  partitionKey: string,
  { draws, allowedLatenessMs, maxSkewMs }: Pick<ProducerOptions<never>, "draws" | "allowedLatenessMs" | "maxSkewMs">,
): number {
  if (!draws.wouldHappen("skew", partitionKey)) return 0;
  draws.count("skew");
  const [isAhead, share] = [draws.share("ahead", partitionKey) < 0.5, draws.share("skew by", partitionKey)];
  return Math.round(isAhead ? share * 2 * maxSkewMs : -share * 1.5 * allowedLatenessMs);
}

/** None of it is JSON. The last begins like a KPL record. */
const poisons: readonly Uint8Array[] = [
  Buffer.from('{"event_id": "cut off'),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.from("not JSON at all"),
  Buffer.alloc(0),
  Buffer.from("f3899ac2000102030405060708090a0b0c0d0e0f10", "hex"),
];
