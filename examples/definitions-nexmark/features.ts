import { count, defineFeatures, defineView, hopping, max, min, seconds, sum, tumbling } from "@millrace/engine";

const last10s = hopping(seconds(10), seconds(5));
const each10s = tumbling(seconds(10));

export const features = defineFeatures({
  partitionKey: "person_id",
  allowedLatenessMs: seconds(5),
  maxSkewMs: seconds(1),
  views: [
    defineView("bidders", {
      entity: "person_id",
      where: { kind: "bid" },
      features: [
        count("bids", { windows: [last10s, each10s] }),
        sum("spend", "price", { windows: [last10s] }),
        min("lowest", "price", { windows: [last10s] }),
        max("highest", "price", { windows: [last10s] }),
      ],
    }),
    defineView("auctions", {
      entity: "auction_id",
      where: { kind: "bid" },
      features: [
        count("bids", { windows: [each10s] }),
        sum("bid_total", "price", { windows: [each10s] }),
        min("lowest", "price", { windows: [each10s] }),
        max("highest", "price", { windows: [each10s] }),
      ],
    }),
  ],
});
