import { above, defineAlert, defineAlerts, minutes } from "@millrace/engine";

export const alerts = defineAlerts({
  alerts: [
    // Somebody tries out cards: more in half a minute than a shopper does, judged every 5 seconds.
    defineAlert("card_testing", {
      view: "user_activity",
      anyOf: [above("purchases_30s", 5), above("bought_items_30s", 4), above("spend_30s", 5000)],
      onceInMs: minutes(1),
    }),
  ],
});
