import {
  calendarDay,
  count,
  defineFeatures,
  defineView,
  distinct,
  hopping,
  lifetime,
  max,
  min,
  minutes,
  seconds,
  session,
  sum,
  tumbling,
} from "@millrace/engine";

// The numbers in the comments are those of Nexmark's queries.
const last10s = hopping(seconds(10), seconds(5));
const each10s = tumbling(seconds(10));
const visit = session(seconds(1), { gapEqual: "merge", longestMs: minutes(10) });
const ever = lifetime({ stepMs: seconds(1) });
const today = calendarDay("UTC");
const bids = { kind: "bid" };
const low = { price_range: "low" };

export const features = defineFeatures({
  partitionKey: "person_id",
  allowedLatenessMs: seconds(5),
  maxSkewMs: seconds(1),
  slackMs: seconds(5),
  views: [
    defineView("bidders", {
      entity: "person_id",
      where: bids,
      features: [
        count("bids", { windows: [last10s, each10s] }), // 12
        sum("spend", "price", { windows: [last10s] }),
        min("lowest", "price", { windows: [last10s] }),
        max("highest", "price", { windows: [last10s] }),
      ],
    }),
    defineView("bidder_sessions", {
      entity: "person_id",
      where: bids,
      features: [count("bids", { windows: [visit] })], // 11
    }),
    defineView("auctions", {
      entity: "auction_id",
      where: bids,
      features: [
        count("bids", { windows: [ever] }), // 17
        min("lowest", "price", { windows: [ever] }),
        max("highest", "price", { windows: [ever] }),
        sum("total", "price", { windows: [ever] }),
        count("low_bids", { where: low, windows: [ever] }),
        count("middle_bids", { where: { price_range: "middle" }, windows: [ever] }),
        count("high_bids", { where: { price_range: "high" }, windows: [ever] }),
      ],
    }),
    // One entity, "bid": the whole market. Its bounds are declared so that the first million events are counted exactly.
    defineView("market", {
      entity: "kind",
      where: bids,
      entityLimit: 20_000,
      features: [
        count("bids", { windows: [today] }), // 15
        distinct("bidders", "person_id", { limit: 20_000, windows: [today] }),
        distinct("auctions", "auction_id", { limit: 50_000, windows: [today] }),
        count("low_bids", { where: low, windows: [today] }),
        distinct("low_bidders", "person_id", { where: low, limit: 20_000, windows: [today] }),
      ],
    }),
  ],
});
