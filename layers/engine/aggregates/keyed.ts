import type { Aggregate, FeatureValue } from "../aggregate.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";
import { fromScaled } from "../decimal.ts";
import { hash48 } from "../md5.ts";
import type { Scalar } from "../schema.ts";
import { type Exact, plus, readExact, SUM_BYTES, writeExact } from "./exact.ts";
import { compareText, readScalar, scalarBytes, toResult, toStored, varintBytes, writeScalar } from "./scalar.ts";
import { placeOf } from "./sorted.ts";

/**
 * A count or a sum for each value of a column, exactly, for up to `limit` values. Beyond the limit the values of smallest
 * (hash, text) are kept. One of these is among the smallest of every part that it is in, so it was never dropped on the way:
 * what is kept is exact, and which values are kept depends on the set of values alone.
 */
interface Keyed {
  /** Ascending by text. */
  readonly keys: Scalar[];
  /** For each key what was counted or summed. */
  readonly amounts: Exact[];
  /** The key of greatest (hash, text) once there were more than `limit`; -1 before. */
  edge: number;
}

export interface KeyedOptions {
  readonly limit: number;
  readonly amount: "count" | "sum";
  /** Every value with its amount, or the k of greatest amount. */
  readonly give: "all" | { readonly k: number };
  /** Decimals of the keys and of the amounts. */
  readonly keyScale: number;
  readonly amountScale: number;
  readonly keyColumn: Parameters<typeof scalarBytes>[0];
}

export function keyed({ limit, amount, give, keyScale, amountScale, keyColumn }: KeyedOptions): Aggregate<Keyed> {
  return {
    add(acc, { value, by }) {
      const key = amount === "count" ? value : by;
      if (key === null || value === null) return acc;
      const into = acc ?? { keys: [], amounts: [], edge: -1 };
      put(into, toStored(key), amount === "count" ? 1 : (value as number));
      return into;
    },
    merge(a, b) {
      const out: Keyed = { keys: [...a.keys], amounts: [...a.amounts], edge: a.edge };
      b.keys.forEach((key, i) => {
        put(out, key, b.amounts[i] as Exact);
      });
      if (out.edge < 0 && b.edge >= 0) out.edge = greatest(out.keys);
      return out;
    },
    result: (acc) => (acc === undefined ? [] : project(acc)),
    write(writer, acc) {
      writer.varint(acc.keys.length * 2 + (acc.edge < 0 ? 0 : 1));
      if (acc.edge >= 0) writer.varint(acc.edge);
      acc.keys.forEach((key, i) => {
        writeScalar(writer, key);
        writeAmount(writer, acc.amounts[i] as Exact);
      });
    },
    read(reader) {
      const head = reader.varint();
      const acc: Keyed = { keys: [], amounts: [], edge: head % 2 === 1 ? reader.varint() : -1 };
      for (let left = head >>> 1; left > 0; left--) {
        acc.keys.push(readScalar(reader));
        acc.amounts.push(readAmount(reader));
      }
      return acc;
    },
    maxBytes:
      varintBytes(limit * 2 + 1) +
      varintBytes(limit) +
      limit * (scalarBytes(keyColumn) + (amount === "count" ? 8 : SUM_BYTES)),
  };

  function put(acc: Keyed, key: Scalar, by: Exact): void {
    const { keys, amounts } = acc;
    const at = placeOf(keys, key, compareText);
    if (keys[at] === key) {
      amounts[at] = plus(amounts[at] as Exact, by);
      return;
    }
    if (acc.edge >= 0 && byHash(key, keys[acc.edge] as Scalar) > 0) return;
    keys.splice(at, 0, key);
    amounts.splice(at, 0, plus(by, 0));
    if (acc.edge >= at) acc.edge++;
    if (keys.length <= limit) return;
    const drop = acc.edge >= 0 ? acc.edge : greatest(keys);
    keys.splice(drop, 1);
    amounts.splice(drop, 1);
    acc.edge = greatest(keys);
  }

  function project({ keys, amounts, edge }: Keyed): FeatureValue {
    const order = keys.map((_, i) => i);
    // Greatest amount first; keys are in the order of their texts, and the sort keeps that where amounts are equal.
    order.sort((a, b) => ((amounts[a] as Exact) > (amounts[b] as Exact) ? -1 : amounts[a] === amounts[b] ? 0 : 1));
    const pairs = order.map(
      (i) => [toResult(keys[i] as Scalar, keyScale), fromScaled(amounts[i] as Exact, amountScale)] as const,
    );
    if (edge < 0) return give === "all" ? pairs : pairs.slice(0, give.k);
    return give === "all"
      ? { overflow: true, atLeast: limit + 1, kept: pairs }
      : { overflow: true, atLeast: limit + 1 };
  }

  function writeAmount(writer: ByteWriter, value: Exact): void {
    if (amount === "count") writer.varint(value as number);
    else writeExact(writer, value);
  }

  function readAmount(reader: ByteReader): Exact {
    return amount === "count" ? reader.varint() : readExact(reader);
  }
}

/** Hashed only beyond the limit: until then nobody asks. */
function byHash(a: Scalar, b: Scalar): number {
  return hash48(String(a)) - hash48(String(b)) || compareText(a, b);
}

function greatest(keys: readonly Scalar[]): number {
  const hashes = keys.map((key) => hash48(String(key)));
  return hashes.reduce((best, hash, i) => {
    const order = hash - (hashes[best] as number) || compareText(keys[i] as Scalar, keys[best] as Scalar);
    return order > 0 ? i : best;
  }, 0);
}
