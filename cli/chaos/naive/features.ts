/** Features by nested loops over an entity's facts: each feature looks at all of them anew. */
import { hash } from "node:crypto";
import type { EventSchema, FeatureValue, View, Window } from "@millrace/engine";
import type { Fact } from "../vocabulary.ts";
import { hasNaive, naive, quotient } from "./aggregate.ts";
import { holds, identityOf } from "./expect.ts";

type Answers = Record<string, FeatureValue | undefined>;

/** Of one entity at each of the moments, by the features' names; those without a counterpart are left out. */
export function naiveFeatures(
  view: View,
  all: readonly Fact[],
  moments: readonly number[],
  schema: EventSchema,
): readonly Answers[] {
  const answers = moments.map((): Answers => ({}));
  // Ratios are made of the others.
  const ordered = view.features.toSorted((a, b) => Number(a.kind === "ratio") - Number(b.kind === "ratio"));
  for (const spec of ordered.filter(hasNaive)) {
    const isCounted = (fact: Fact): boolean => holds(spec.where, fact, schema);
    for (const window of spec.windows.filter(isKnown)) {
      moments.forEach((nowMs, at) => {
        const answer = answers[at] as Answers;
        const { stepMs, offsetMs, sizeMs } = window;
        const endMs = Math.ceil((nowMs - offsetMs) / stepMs) * stepMs + offsetMs;
        answer[nameOf(spec.name, window)] =
          spec.kind === "ratio"
            ? quotient(answer[nameOf(spec.numerator, window)], answer[nameOf(spec.denominator, window)])
            : naive(spec, { facts: inside(all, isCounted, window, nowMs, endMs), schema, endMs, sizeMs });
      });
    }
  }
  return answers;
}

/** Days and weeks of time zones are left to the engine's own tests. */
export function isKnown({ kind }: Window): boolean {
  return kind !== "calendar";
}

function inside(
  all: readonly Fact[],
  isCounted: (fact: Fact) => boolean,
  window: Window,
  nowMs: number,
  endMs: number,
): readonly Fact[] {
  const before = all.filter(({ timeMs }) => timeMs < endMs);
  if (window.kind === "lifetime") return before.filter(isCounted);
  // A session is one of all events, whatever a feature counts of them.
  if (window.kind === "session") return sessionOf(before, window, nowMs).filter(isCounted);
  const near = before.filter(({ timeMs }) => timeMs >= endMs - window.sizeMs).filter(isCounted);
  if (window.kind !== "lastEvents") return near;
  return near.toSorted((a, b) => b.timeMs - a.timeMs || tie(b) - tie(a)).slice(0, window.events);
}

/** Back from now, event by event, up to the first pause that is too long or the last cut. */
function sessionOf(facts: readonly Fact[], window: Window & { kind: "session" }, nowMs: number): readonly Fact[] {
  let laterMs = nowMs;
  const session: Fact[] = [];
  for (const fact of facts.toSorted((a, b) => b.timeMs - a.timeMs)) {
    const pauseMs = laterMs - fact.timeMs;
    const isLong = window.gapEqual === "merge" ? pauseMs > window.gapMs : pauseMs >= window.gapMs;
    const isCut = Math.floor(fact.timeMs / window.longestMs) !== Math.floor(laterMs / window.longestMs);
    if (pauseMs > 0 && (isLong || isCut)) break;
    session.push(fact);
    laterMs = fact.timeMs;
  }
  return session;
}

function tie(fact: Fact): number {
  return Number.parseInt(hash("md5", identityOf(fact), "hex").slice(0, 8), 16);
}

/** With its window, as readers know it. */
export function nameOf(name: string, window: Window): string {
  switch (window.kind) {
    case "hopping":
      return `${name}_${duration(window.sizeMs)}`;
    case "tumbling":
      return `${name}_${duration(window.sizeMs)}_tumbling`;
    case "lastEvents":
      return `${name}_last${window.events}`;
    default:
      return `${name}_${window.kind}`;
  }
}

function duration(ms: number): string {
  const units = [
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
    [1, "ms"],
  ] as const;
  const [unitMs, unit] = units.find(([size]) => ms % size === 0) ?? [1, "ms"];
  return `${ms / unitMs}${unit}`;
}
