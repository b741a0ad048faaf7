/** What replay-records makes of a record out of quarantine. */
import { randomBytes } from "node:crypto";
import type { Quarantined } from "@millrace/aws";
import { decode } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { recoveryOf } from "../functions/replay-records/recover.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";

describe("what was quarantined", () => {
  const quarantined = { reason: "too_late", stage: "decode", view: null, attempt: 2 } as const;
  const outcomeOf = (data: Uint8Array, verdict: Partial<Quarantined> = {}) => {
    const position = { shard: SHARD, sequence: "1", subSequence: 0 };
    const record = { position, partitionKey: "u1", arrivalMs: START, data };
    const decoded = decode(pipeline, record);
    return recoveryOf([{ index: 0, decoded, quarantined: { ...quarantined, ...verdict } }]);
  };
  const event = (pad = "") => Buffer.from(JSON.stringify({ id: "e1", time: START, user: "u1", item: "a", pad }));

  it("is put again and recovered where it is valid now", () => {
    const { records, returned } = outcomeOf(event());
    expect(records).toHaveLength(1);
    expect(returned).toMatchObject([{ reason: "recovered", detail: "was too_late", attempt: 3 }]);
  });

  it("goes back with today's reason where it is not", () => {
    const { records, returned } = outcomeOf(Buffer.from("no event"));
    expect(records).toEqual([]);
    expect(returned).toMatchObject([{ reason: "malformed_json", stage: "decode", attempt: 3 }]);
  });

  it("gets its row again where a view's fold refused it, since the lake may have lost it meanwhile", () => {
    const { records, returned } = outcomeOf(event(), { stage: "fold", view: "by_user", reason: "entity_over_limit" });
    expect(records).toHaveLength(1);
    expect(returned).toMatchObject([{ reason: "recovered", stage: "fold", view: "by_user", attempt: 3 }]);
  });

  it("stays where its row could not be put, and is put packed where that suffices", () => {
    expect(outcomeOf(event("x".repeat(1_100_000)))).toMatchObject({ returned: [{ reason: "recovered" }] });
    const noise = randomBytes(1_100_000).toString("base64");
    const { records, returned } = outcomeOf(event(noise));
    expect(records).toEqual([]);
    expect(returned).toMatchObject([{ reason: "too_late", attempt: 3 }]);
    expect(returned[0]?.detail).toContain("too large");
    expect(outcomeOf(event(noise), { stage: "fold", view: "by_user" }).returned[0]).toMatchObject({
      reason: "recovered",
    });
  });
});
