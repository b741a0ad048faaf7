import {
  count,
  defineFeatures,
  defineView,
  distinct,
  hopping,
  hours,
  lastK,
  minutes,
  seconds,
  sum,
} from "@millrace/engine";

// A window is how far back a feature looks and how often it moves on. Its steps are its tiles: finer steps, larger items.
const last30s = hopping(seconds(30), seconds(5));
const last5m = hopping(minutes(5), minutes(1));
const last1h = hopping(hours(1), minutes(5));
const last24h = hopping(hours(24), hours(1));
const all = [last30s, last5m, last1h, last24h];

export const features = defineFeatures({
  partitionKey: "user_id",
  allowedLatenessMs: seconds(60),
  maxSkewMs: seconds(10),
  views: [
    defineView("user_activity", {
      entity: "user_id",
      features: [
        count("views", { where: { event_type: "view_item" }, windows: all }),
        count("carts", { where: { event_type: "add_to_cart" }, windows: all }),
        count("purchases", { where: { event_type: "purchase" }, windows: all }),
        sum("spend", "amount", { where: { event_type: "purchase" }, windows: [last30s, last1h] }),
        distinct("bought_items", "item_id", { limit: 8, where: { event_type: "purchase" }, windows: [last30s] }),
        distinct("items", "item_id", { limit: 32, windows: [last1h] }),
        lastK("recent_items", "item_id", { k: 10, windows: [last24h] }),
      ],
    }),
    defineView("item_popularity", {
      entity: "item_id",
      features: [
        count("views", { where: { event_type: "view_item" }, windows: [last5m, last1h, last24h] }),
        count("purchases", { where: { event_type: "purchase" }, windows: [last1h, last24h] }),
        sum("revenue", "amount", { where: { event_type: "purchase" }, windows: [last24h] }),
      ],
    }),
  ],
});
