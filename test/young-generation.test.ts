import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";

/** What the environment of any of the handlers has. */
const env = {
  FEATURES_TABLE: "features",
  METRICS_TABLE: "metrics",
  IDEMPOTENCY_TABLE: "idempotency",
  QUARANTINE_DELIVERY: "quarantine",
  LAKE_BUCKET: "lake",
  ALERT_BUS: "bus",
  PARALLELIZATION_FACTOR: "1",
  RETENTION_HOURS: "24",
  PIPELINE_VERSION: "1",
  PARTITION_PAST_HOURS: "48",
  PARTITION_FUTURE_HOURS: "1",
  AWS_REGION: "us-east-1",
};

describe("what a batch makes", () => {
  it.each(["update-features", "roll-up-metrics", "flatten-events", "archive-raw"])(
    "does not become old in the process of %s",
    (name) => {
      expect(oldMegabytes(join(projectDir, "functions", name, "handler.ts"))).toBeLessThan(40);
    },
    60_000,
  );
});

function oldMegabytes(...handler: readonly string[]): number {
  const script = join(projectDir, "test", "young-generation", "old-megabytes.ts");
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...handler], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  expect(status, stderr).toBe(0);
  return Number(stdout);
}
