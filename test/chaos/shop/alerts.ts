import { above, atLeast, defineAlert, defineAlerts, hours } from "@millrace/engine";

export const alerts = defineAlerts({
  alerts: [
    defineAlert("busy", { view: "user_activity", anyOf: [above("events_30s", 6), atLeast("items_30s", 4)] }),
    defineAlert("dear", {
      view: "user_activity",
      version: 3,
      anyOf: [atLeast("most_2m_tumbling", 1_000_000), above("per_minute_2m_tumbling", 12)],
    }),
    // Its view refuses what is beyond a limit.
    defineAlert("eager", { view: "careful_buyers", anyOf: [above("purchases_1h", 3)], onceInMs: hours(2) }),
  ],
});
