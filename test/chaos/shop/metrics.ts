import { defineMetric, defineMetrics, hours, measure, minutes, tumbling } from "@millrace/engine";

const windows = [tumbling(minutes(1)), tumbling(minutes(10)), tumbling(hours(2))];

export const metrics = defineMetrics({
  metrics: [
    defineMetric("by_region", {
      windows,
      by: ["region"],
      measures: [
        measure.count("events"),
        measure.count("gifts", { where: { gift: true } }),
        measure.ratio("gift_share", "gifts", "events"),
        measure.distinct("users", "user_id", { limit: 10 }),
        measure.sum("amount", "amount"),
        measure.mean("quantity", "quantity"),
        measure.min("least", "weight"),
        measure.max("most", "weight"),
        measure.argMax("dearest", "item_id", "amount"),
      ],
    }),
    defineMetric("purchases", {
      version: 2,
      windows: [tumbling(minutes(5))],
      where: { event_type: "purchase" },
      by: ["item_id", "gift"],
      measures: [measure.count("events"), measure.histogram("amounts", "amount", { bounds: [0, 1, 100] })],
    }),
    defineMetric("arrivals", {
      windows: [tumbling(minutes(1)), tumbling(hours(1))],
      time: "arrival",
      records: "all",
      by: ["_verdict", "_shard"],
      limit: 100,
      measures: [
        measure.count("records"),
        measure.sum("bytes", "_size_bytes"),
        measure.histogram("lateness", "_lateness_ms", { bounds: [0, 1000, 60_000] }),
      ],
    }),
  ],
});
