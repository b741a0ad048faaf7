import { all, any, sinceFirst, sinceLast } from "@millrace/engine";
import fc from "fast-check";
import type { Input } from "../../layers/engine/aggregate.ts";
import { type Case, inputsOf, obeysTheLaws, wholes, windows } from "./aggregate-laws.ts";

const events = inputsOf(wholes);
/** The value says which conditions an event meets. */
const flagged = inputsOf(fc.oneof(fc.constant(1), fc.constantFrom(0, 1)));

const CASES: readonly Case[] = [
  {
    spec: sinceFirst("sinceFirst", { windows }),
    inputs: events,
    naive: (list, { endMs }) => (list.length === 0 ? null : endMs - (timesOf(list)[0] as number)),
  },
  {
    spec: sinceLast("sinceLast", { windows }),
    inputs: events,
    naive: (list, { endMs }) => (list.length === 0 ? null : endMs - (timesOf(list).at(-1) as number)),
  },
  { spec: any("any", { windows }), inputs: events, naive: (list) => list.length > 0 },
  {
    spec: all("all", { flag: true }, { windows }),
    inputs: flagged,
    naive: (list) => (list.length === 0 ? null : list.every(({ value }) => value === 1)),
  },
];

obeysTheLaws(CASES);

function timesOf(inputs: readonly Input[]): number[] {
  return inputs.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
}
