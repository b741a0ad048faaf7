import { days, defineMetric, defineMetrics, hours, measure, minutes, tumbling } from "@millrace/engine";

export const metrics = defineMetrics({
  metrics: [
    defineMetric("by_site", {
      windows: [tumbling(minutes(1)), tumbling(hours(1)), tumbling(days(1))],
      by: ["site"],
      measures: [
        measure.count("readings"),
        measure.distinct("machines", "machine_id", { limit: 200, beyond: "estimate" }),
        measure.count("alarms", { where: { alarm: true } }),
        measure.ratio("alarm_share", "alarms", "readings"),
      ],
    }),
  ],
});
