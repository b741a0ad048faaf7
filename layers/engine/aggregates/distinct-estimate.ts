import type { Aggregate } from "../aggregate.ts";
import { insertHash, unionOf } from "./distinct.ts";
import {
  estimate,
  filled,
  maximum,
  offer,
  type Registers,
  readRegisters,
  registersBytes,
  relativeErrorOf,
  writeRegisters,
} from "./hyperloglog.ts";

/**
 * How many different values: exactly up to `limit`, and beyond it an estimate with its standard error. Up to the limit it keeps
 * the hashes themselves, ascending; beyond, HyperLogLog registers made from all of them. Both are functions of the set of
 * values, and which of the two it is, too.
 */
type Values = number[] | Registers;

export function distinctEstimate(limit: number, precision: number): Aggregate<Values> {
  return {
    add(acc, { value, hash }) {
      if (value === null) return acc;
      if (acc === undefined) return [hash];
      if (isExact(acc)) insertHash(acc, hash);
      else offer(acc, precision, hash);
      return bound(acc);
    },
    merge(a, b) {
      if (isExact(a) && isExact(b)) return bound(unionOf(a, b));
      return maximum(toRegisters(a), toRegisters(b));
    },
    result(acc) {
      if (acc === undefined) return 0;
      if (isExact(acc)) return acc.length;
      // More than the limit is certain, so an estimate below that is not the best one.
      const values = Math.max(limit + 1, Math.round(estimate(acc, precision)));
      return { estimate: values, relativeError: relativeErrorOf(precision) };
    },
    write(writer, acc) {
      writer.varint(isExact(acc) ? acc.length * 2 : filled(acc) * 2 + 1);
      if (isExact(acc)) for (const hash of acc) writer.uint48(hash);
      else writeRegisters(writer, acc);
    },
    read(reader) {
      const head = reader.varint();
      if (head % 2 === 1) return readRegisters(reader, precision, head >>> 1);
      const hashes: number[] = [];
      for (let left = head >>> 1; left > 0; left--) hashes.push(reader.uint48());
      return hashes;
    },
    maxBytes: 3 + Math.max(limit * 6, registersBytes(precision)),
  };

  function bound(acc: Values): Values {
    return isExact(acc) && acc.length > limit ? toRegisters(acc) : acc;
  }

  function toRegisters(acc: Values): Registers {
    if (!isExact(acc)) return acc;
    const registers = new Uint8Array(2 ** precision);
    for (const hash of acc) offer(registers, precision, hash);
    return registers;
  }
}

/** The smallest precision whose standard error is within the given one. */
export function precisionFor(relativeError: number): number {
  let precision = LEAST_PRECISION;
  while (precision < MOST_PRECISION && relativeErrorOf(precision) > relativeError) precision++;
  return precision;
}

const LEAST_PRECISION = 4;
const MOST_PRECISION = 14;

function isExact(acc: Values): acc is number[] {
  return Array.isArray(acc);
}
