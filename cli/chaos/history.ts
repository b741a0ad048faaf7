/**
 * A random history that is made to collide: few keys and entities, times that tie, ids that come twice, events late, too late and from the
 * future on either side of each bound, records that hold several events, and jumps of time over which tiles and fingerprints expire.
 */
import type { Features, Scalar } from "@millrace/engine";
import { between, pick, type Random, randomFor } from "../sample-day/random.ts";
import { aggregate } from "./kpl.ts";
import type { Fact, Vocabulary } from "./vocabulary.ts";

/** What a record, or a part of an aggregated one, is meant to be. */
export type Part =
  | { readonly kind: "fact"; readonly fact: Fact }
  | { readonly kind: "unusable"; readonly reason: "malformed_json" | "schema_violation" };

export interface Input {
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** In order; more than one in an aggregated record. `data` are the part's own bytes. */
  readonly parts: readonly { readonly part: Part; readonly data: Uint8Array }[];
}

export interface HistoryOptions {
  readonly seed: number;
  readonly events: number;
  readonly startMs: number;
  readonly features: Features;
  readonly vocabulary: Vocabulary;
}

export function* makeHistory({ seed, events, startMs, features, vocabulary }: HistoryOptions): Generator<Input> {
  const random = randomFor(seed, "history", 0);
  // Thin traffic makes small batches, dense traffic large ones.
  const pace = pick(random, [1, 0.3, 0.1]);
  let arrivalMs = startMs;
  for (let made = 0; made < events; ) {
    arrivalMs += Math.floor(gapMs(random, features, pace));
    const key = pick(random, vocabulary.keys as [string, ...string[]]);
    const size = random() < 0.02 ? between(random, 2, 4) : 1;
    const parts = Array.from({ length: size }, (_, at) =>
      makePart(random, vocabulary, features, { key, arrivalMs, number: made + at }),
    );
    made += size;
    const data =
      size === 1
        ? (parts[0]?.data as Uint8Array)
        : aggregate(
            key,
            parts.map((part) => part.data),
          );
    // An aggregated record has one key: which one Firehose reports where the inner differs is not documented.
    const wrongKey = size === 1 && random() < 0.01;
    yield { arrivalMs, partitionKey: wrongKey ? `not ${key}` : key, data, parts };
  }
}

/** The record of a part that was written anew, say by a wrong clock. Aggregated records stay as they are. */
export function shifted(input: Input, aheadMs: number, vocabulary: Vocabulary): Input {
  const [first] = input.parts;
  if (input.parts.length !== 1 || first?.part.kind !== "fact") return input;
  const fact = { ...first.part.fact, timeMs: first.part.fact.timeMs + aheadMs };
  const data = bytesOf(vocabulary.write(fact, 0));
  return { ...input, data, parts: [{ part: { kind: "fact", fact }, data }] };
}

function makePart(
  random: Random,
  vocabulary: Vocabulary,
  features: Features,
  { key, arrivalMs, number }: { key: string; arrivalMs: number; number: number },
): Input["parts"][number] {
  const fact = makeFact(random, vocabulary, features, { key, arrivalMs, number });
  const event = vocabulary.write(fact, random());
  const fate = random();
  if (fate < 0.007) {
    const cut = bytesOf(event).subarray(0, -1);
    return { part: { kind: "unusable", reason: "malformed_json" }, data: cut };
  }
  if (fate < 0.014) {
    // An event without any of its fields is against every schema, because an id is needed.
    const data = bytesOf(pick<unknown>(random, [{}, null, [event], "text"]));
    return { part: { kind: "unusable", reason: "schema_violation" }, data };
  }
  return { part: { kind: "fact", fact }, data: bytesOf(event) };
}

function makeFact(
  random: Random,
  { choices }: Vocabulary,
  features: Features,
  { key, arrivalMs, number }: { key: string; arrivalMs: number; number: number },
): Fact {
  const values: Record<string, Scalar> = {};
  for (const [column, options] of choices) values[column] = pick(random, options as [Scalar, ...Scalar[]]);
  const id = random() < 0.85 ? `e${number}` : `again-${between(random, 1, 6)}`;
  const timeMs = arrivalMs - ageMs(random, features);
  // Whole seconds tie, and with an id that comes again they are the same event with other contents.
  return { id, key, values, timeMs: random() < 0.6 ? Math.floor(timeMs / 1000) * 1000 : timeMs };
}

function gapMs(random: Random, { allowedLatenessMs: late, slackMs: slack }: Features, pace: number): number {
  const kind = 1 - random() / pace;
  if (kind < 0.3) return between(random, 0, 1);
  if (kind < 0.9) return between(random, 1, 60) * pace;
  if (kind < 0.98) return between(random, 200, 2000);
  if (kind < 0.993) return between(random, 5000, slack + 5000);
  if (kind < 0.9975) return late + slack + between(random, -1, 20_000);
  return kind < 0.9995 ? between(random, 600_000, 3 * HOUR_MS) : between(random, 20 * HOUR_MS, 50 * HOUR_MS);
}

const HOUR_MS = 3_600_000;

function ageMs(random: Random, { allowedLatenessMs: late, maxSkewMs: skew }: Features): number {
  const kind = random();
  if (kind < 0.7) return between(random, 0, 3000);
  if (kind < 0.84) return between(random, 0, late);
  if (kind < 0.89) return between(random, late, 2 * late);
  if (kind < 0.95) return -between(random, 0, skew);
  if (kind < 0.97) return -between(random, skew, 3 * skew);
  if (kind < 0.997) return pick(random, [late, late + 1, late - 1, -skew, -skew - 1, 1 - skew]);
  return pick(random, [50 * HOUR_MS, -2 * HOUR_MS, 400 * 24 * HOUR_MS]);
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
