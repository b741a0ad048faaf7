/** Which alerts must ring, by loops over all windows of all entities. */
import type {
  Alert,
  EventSchema,
  FeatureSpec,
  Features,
  FeatureValue,
  Threshold,
  View,
  Window,
} from "@millrace/engine";
import type { Fact } from "../vocabulary.ts";
import { hasNaive, naive } from "./aggregate.ts";
import { columnValue, type Expected, holds, isCovered, itemName } from "./expect.ts";
import { isKnown, nameOf } from "./features.ts";

/** The ids. A window rings when something that a condition looks at lies in its last step and enough in the whole of it. */
export function naiveAlerts(
  alerts: readonly Alert[],
  features: Features,
  expected: Expected,
  schema: EventSchema,
): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const alert of alerts.filter((one) => isJudged(one, features))) {
    const view = viewOf(alert, features);
    const conditions = alert.anyOf.map((threshold) => ({ threshold, ...looksAt(threshold, view) }));
    const [{ window }] = conditions as [(typeof conditions)[number]];
    const { stepMs, offsetMs, sizeMs } = window;
    const { name, version = 1, onceInMs = stepMs } = alert;
    for (const [entity, { facts }] of expected.views.get(itemName(view)) ?? []) {
      const ends = facts.map(({ timeMs }) => Math.floor((timeMs - offsetMs) / stepMs + 1) * stepMs + offsetMs);
      for (const endMs of new Set(ends)) {
        const within = (lengthMs: number) => facts.filter(({ timeMs }) => timeMs >= endMs - lengthMs && timeMs < endMs);
        const inLastStep = within(stepMs);
        const rings = conditions.some(({ spec, threshold }) => {
          const counted = within(sizeMs).filter((fact) => isLookedAt(spec, fact, schema));
          return passes(threshold, naive(spec, { facts: counted, schema, endMs, sizeMs }));
        });
        const isTouched = conditions.some(({ spec }) => inLastStep.some((fact) => isLookedAt(spec, fact, schema)));
        if (!rings || !isTouched) continue;
        const atMs = Math.floor(endMs / onceInMs) * onceInMs;
        ids.add(`${name}@${version}#${new Date(atMs).toISOString()}#${entity}`);
      }
    }
  }
  return ids;
}

/** Whether all of its features have a counterpart here. */
export function isJudged(alert: Alert, features: Features): boolean {
  const view = viewOf(alert, features);
  return isCovered(view) && alert.anyOf.every((threshold) => isComparable(looksAt(threshold, view)));
}

function isComparable({ spec, window }: { readonly spec: FeatureSpec; readonly window: Window }): boolean {
  return hasNaive(spec) && isKnown(window) && !("beyond" in spec && spec.beyond === "estimate");
}

function viewOf({ view }: Alert, { views }: Features): View {
  return views.find(({ name }) => name === view) as View;
}

function looksAt({ feature }: Threshold, { features }: View) {
  for (const spec of features) {
    for (const window of spec.windows) if (nameOf(spec.name, window) === feature) return { spec, window };
  }
  throw new Error(`expected the feature ${feature} in its view`);
}

function isLookedAt(spec: FeatureSpec, fact: Fact, schema: EventSchema): boolean {
  const column = "column" in spec ? spec.column : undefined;
  return holds(spec.where, fact, schema) && (column === undefined || columnValue(fact, column, schema) !== null);
}

function passes({ kind, value: bound }: Threshold, value: FeatureValue | undefined): boolean {
  const number = typeof value === "object" && value !== null && "atLeast" in value ? value.atLeast : value;
  return typeof number === "number" && (kind === "above" ? number > bound : number >= bound);
}
