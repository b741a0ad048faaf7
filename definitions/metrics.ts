import { days, defineMetric, defineMetrics, hours, measure, minutes, seconds, tumbling } from "@millrace/engine";

// Rows are kept for the first window; the others are merged from it when they are read.
const windows = [tumbling(minutes(1)), tumbling(hours(1)), tumbling(days(1))];

const viewed = { where: { event_type: "view_item" } };
const carted = { where: { event_type: "add_to_cart" } };
const bought = { where: { event_type: "purchase" } };

// Users beyond 50 of a window are estimated, within 3.3 %.
const estimated = { limit: 50, beyond: "estimate" } as const;

/** How many came, whatever they did. */
const traffic = [
  measure.count("events"),
  measure.distinct("users", "user_id", estimated),
  measure.distinct("sessions", "session_id", estimated),
];

/** How far visitors come: how many did each step, and what share of those who looked bought. */
const funnel = [
  measure.distinct("viewers", "user_id", { ...estimated, ...viewed }),
  measure.distinct("carters", "user_id", { ...estimated, ...carted }),
  measure.distinct("buyers", "user_id", { ...estimated, ...bought }),
  measure.ratio("conversion", "buyers", "viewers"),
  measure.sum("revenue", "amount", bought),
];

export const metrics = defineMetrics({
  metrics: [
    defineMetric("by_event_type", {
      windows,
      by: ["event_type"],
      limit: 40,
      measures: [...traffic, measure.sum("amount", "amount")],
    }),
    defineMetric("by_region", { windows, by: ["region"], limit: 50, measures: [...traffic, ...funnel] }),
    defineMetric("by_category", {
      windows,
      by: ["category"],
      limit: 50,
      measures: [...traffic, ...funnel],
    }),
    defineMetric("top_items", {
      windows: [tumbling(minutes(5)), tumbling(hours(1)), tumbling(days(1))],
      measures: [
        measure.heaviest("viewed", "item_id", { k: 10, sample: 600, ...viewed }),
        measure.heaviest("bought", "item_id", { k: 10, sample: 600, ...bought }),
      ],
    }),
    // What arrived, minute by minute, whatever became of it; and how old it was.
    defineMetric("arrivals", {
      windows,
      time: "arrival",
      records: "all",
      by: ["_verdict"],
      measures: [
        measure.count("records"),
        measure.sum("bytes", "_size_bytes"),
        measure.histogram("lateness", "_lateness_ms", {
          bounds: [0, 100, 300, seconds(1), seconds(3), seconds(10), seconds(30), seconds(60), minutes(5), hours(1)],
        }),
        measure.histogram("freshness", "_freshness_ms", {
          bounds: [seconds(1), seconds(2), seconds(5), seconds(10), seconds(30), seconds(60), minutes(5), hours(1)],
        }),
      ],
    }),
    // Which partition keys heat their shard. The alarm HotKeyAlarm goes by it.
    defineMetric("heat", {
      windows,
      time: "arrival",
      records: "all",
      by: ["_shard"],
      measures: [
        measure.count("records"),
        measure.sum("bytes", "_size_bytes"),
        measure.heaviest("keys", "_partition_key", { k: 10, sample: 500 }),
      ],
    }),
  ],
});
