/** The features table: what readers are told, and what items say about themselves. */
import { type FeatureValue, readFeatures, summarizeItem } from "@millrace/engine";
import type { Found } from "./found.ts";
import { isCovered, itemName } from "./naive/expect.ts";
import { naiveFeatures } from "./naive/features.ts";
import { type Differences, differ, type Outcome } from "./outcome.ts";

/** Every feature of every entity, at moments from as far back as may be asked for to when all windows are empty. */
export function featureDifferences({ definitions, pipeline, expected, found, lastMs }: Outcome): Differences {
  const { features, eventSchema } = definitions;
  const backMs = features.allowedLatenessMs + features.slackMs;
  const moments = [lastMs - backMs, lastMs - Math.floor(backMs / 3), lastMs, lastMs + 1, lastMs + 3_600_000];
  return features.views.filter(isCovered).flatMap((view) => {
    const facts = expected.views.get(itemName(view)) ?? new Map();
    const states = statesOf(found, itemName(view));
    const names = [...new Set([...facts.keys(), ...states.keys()])];
    return names.flatMap((entity) => {
      const wanted = naiveFeatures(view, facts.get(entity)?.facts ?? [], moments, eventSchema);
      return moments.flatMap((nowMs, at) => {
        const got = readFeatures(pipeline, itemName(view), states.get(entity) ?? [], nowMs);
        return differencesOf(`${itemName(view)} ${entity} at ${new Date(nowMs).toISOString()}`, wanted[at] ?? {}, got);
      });
    });
  });
}

export function differencesOf(
  where: string,
  wanted: Readonly<Record<string, FeatureValue | undefined>>,
  got: Readonly<Record<string, FeatureValue>>,
): Differences {
  return Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : differ(`${where}: ${name}`, value, got[name]),
  );
}

function statesOf(found: Found, view: string): ReadonlyMap<string, readonly Uint8Array[]> {
  return new Map(found.entities.filter((one) => one.view === view).map(({ entity, states }) => [entity, states]));
}

/** Conservation per view and entity: matching = applied + duplicates + refused by the fold. */
export function counterDifferences({ definitions, pipeline, expected, found }: Outcome): Differences {
  const views = definitions.features.views.filter(isCovered).map(itemName);
  return views.flatMap((view) => {
    const states = statesOf(found, view);
    const entities = expected.views.get(view) ?? new Map();
    return [...new Set([...entities.keys(), ...states.keys()])].flatMap((entity) => {
      const { facts = [], duplicates = 0, overLimit = [] } = entities.get(entity) ?? {};
      const items = (states.get(entity) ?? []).map((bytes) => summarizeItem(pipeline, view, bytes));
      const sum = (name: "applied" | "duplicates" | "overLimit" | "outOfHorizon" | "forgotten"): number =>
        items.reduce((total, item) => total + item[name], 0);
      return differ(
        `${view} ${entity}: applied, duplicates, over limit, out of horizon, forgotten`,
        [facts.length, duplicates, overLimit.length, 0, 0],
        [sum("applied"), sum("duplicates"), sum("overLimit"), sum("outOfHorizon"), sum("forgotten")],
      );
    });
  });
}
