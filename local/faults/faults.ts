/** The faults of one run, each hooked in where it happens: around invocations, mappings, table requests, puts and events. */
import type { FunctionHost } from "../lambda/host.ts";
import { type AroundBus, busFaults } from "./buses.ts";
import type { FaultCounts, FaultRates } from "./catalogue.ts";
import { createDraws } from "./draw.ts";
import { createInvocationFaults, type InvocationFaults } from "./invocations.ts";
import { type AroundPut, putFaults } from "./puts.ts";
import { redelivering } from "./redeliveries.ts";
import { type AroundRequest, tableFaults } from "./tables.ts";

export interface Faults {
  readonly invocations?: InvocationFaults;
  readonly aroundTable?: AroundRequest;
  readonly aroundPut?: AroundPut;
  readonly aroundBus?: AroundBus;
  /** What event source mappings call in place of the host. */
  redelivering(invoke: FunctionHost["invoke"]): FunctionHost["invoke"];
  counts(): FaultCounts;
}

export function createFaults(seed: number, rates: FaultRates | undefined): Faults {
  if (rates === undefined) return { redelivering: (invoke) => invoke, counts: () => ({}) };
  const draws = createDraws(seed, rates);
  const invocations = createInvocationFaults(draws);
  return {
    invocations,
    aroundTable: tableFaults(draws, invocations),
    aroundPut: putFaults(draws, invocations),
    aroundBus: busFaults(draws, invocations),
    redelivering: (invoke) => redelivering(draws, invoke),
    counts: draws.counts,
  };
}
