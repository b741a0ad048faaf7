import { count, defineFeatures, defineView, hopping, hours, max, mean, min, minutes, tumbling } from "@millrace/engine";

const last10m = hopping(minutes(10), minutes(1));
const eachHour = tumbling(hours(1));

export const features = defineFeatures({
  partitionKey: "machine_id",
  allowedLatenessMs: minutes(5),
  maxSkewMs: minutes(1),
  views: [
    defineView("machine_health", {
      entity: "machine_id",
      features: [
        mean("temperature", "value", { windows: [last10m, eachHour] }),
        min("coldest", "value", { windows: [eachHour] }),
        max("hottest", "value", { windows: [eachHour] }),
        count("alarms", { where: { alarm: true }, windows: [last10m, eachHour] }),
      ],
    }),
    defineView("site_load", {
      entity: "site",
      features: [count("readings", { windows: [last10m] })],
    }),
  ],
});
