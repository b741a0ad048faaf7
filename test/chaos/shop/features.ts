import {
  any,
  count,
  defineFeatures,
  defineView,
  distinct,
  first,
  firstK,
  histogram,
  hopping,
  hours,
  lastK,
  max,
  mean,
  min,
  minutes,
  seconds,
  sinceFirst,
  sinceLast,
  standardDeviation,
  sum,
  tumbling,
  variance,
} from "@millrace/engine";

/** Every aggregate, over windows that are short and long, overlapping and not. */
const windows = [hopping(seconds(30), seconds(5)), tumbling(minutes(2)), hopping(hours(1), minutes(20))];
const purchase = { event_type: "purchase" };

export const features = defineFeatures({
  partitionKey: "user_id",
  allowedLatenessMs: seconds(60),
  maxSkewMs: seconds(10),
  slackMs: seconds(30),
  views: [
    defineView("user_activity", {
      entity: "user_id",
      features: [
        count("events", { windows }),
        count("purchases", { where: purchase, windows }),
        sum("spend", "amount", { where: purchase, windows }),
        mean("ticket", "amount", { windows }),
        variance("spread", "amount", { of: "population", windows }),
        standardDeviation("deviation", "quantity", { of: "sample", windows }),
        min("least", "weight", { windows }),
        max("most", "amount", { windows }),
        distinct("items", "item_id", { limit: 3, windows }),
        histogram("amounts", "amount", { bounds: [0, 1.5, 100], windows }),
        first("first_item", "item_id", { windows }),
        firstK("first_items", "item_id", { k: 3, windows }),
        lastK("recent_items", "item_id", { k: 3, windows }),
        sinceFirst("since_first", { where: purchase, windows }),
        sinceLast("since_last", { where: purchase, windows }),
        any("bought", { where: purchase, windows }),
      ],
    }),
    defineView("item_popularity", {
      entity: "item_id",
      where: { event_type: ["view_item", "purchase"] },
      features: [
        count("events", { windows }),
        sum("revenue", "amount", { where: purchase, windows }),
        distinct("users", "user_id", { limit: 10, windows }),
        lastK("recent_users", "user_id", { k: 3, windows }),
      ],
    }),
    defineView("careful_buyers", {
      entity: "user_id",
      version: 2,
      where: purchase,
      entityLimit: 8,
      features: [count("purchases", { windows }), max("most", "quantity", { windows })],
    }),
    defineView("region_load", {
      entity: "region",
      entityLimit: 10,
      features: [count("events", { windows }), mean("weight", "quantity", { where: { gift: [true, null] }, windows })],
    }),
  ],
});
