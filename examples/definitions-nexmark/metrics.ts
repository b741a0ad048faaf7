import { defineMetric, defineMetrics, measure, minutes, seconds, tumbling } from "@millrace/engine";

export const metrics = defineMetrics({
  metrics: [
    // Nexmark's query 12: how many bids each person made, every ten seconds.
    defineMetric("bids_by_person", {
      windows: [tumbling(seconds(10)), tumbling(minutes(1))],
      by: ["person_id"],
      limit: 4500,
      where: { kind: "bid" },
      measures: [measure.count("bids")],
    }),
  ],
});
