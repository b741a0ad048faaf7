/** Alerts: what must ring rings, and is acted on, once each. */
import { naiveAlerts } from "./naive/alerts.ts";
import { type Differences, differ, type Outcome, setDifferences } from "./outcome.ts";

export function publishedDifferences({ definitions, expected, alerts }: Outcome): Differences {
  const { features, eventSchema } = definitions;
  const wanted = naiveAlerts(definitions.alerts.alerts, features, expected, eventSchema);
  return [...setDifferences(wanted, new Set(alerts.published)), ...repeated(alerts.published, alerts.interruptions)];
}

/** Against what the bus was given, since what it ought to have been given is compared already. */
export function actedDifferences({ alerts: { published, acted, interruptions } }: Outcome): Differences {
  return [...setDifferences(new Set(published), new Set(acted)), ...repeated(acted, interruptions)];
}

/** Alerts, or messages, that one invocation has under way at a time. */
const underWay = 10;

/**
 * What was done and could not be noted any more is done again. So nothing may come twice while nobody is interrupted, and then only what was
 * under way just there.
 */
function repeated(ids: readonly string[], interruptions: number): Differences {
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  const most = interruptions * underWay;
  if (twice.length <= most) return [];
  return twice.flatMap((id) =>
    differ(id, "once", `again, as one of ${twice.length} with ${interruptions} interruptions`),
  );
}
