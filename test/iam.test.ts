import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { findingsOf } from "../cli/iam/findings.ts";
import { kept, keptWithoutAlerts } from "../cli/iam/kept.ts";
import { runForPermissions } from "../cli/iam/permissions-run.ts";
import { printFindings } from "../cli/iam/print-findings.ts";
import type { RoleUsage } from "../local/iam/usage.ts";
import { shopDir } from "./shop.ts";

const definitions = { name: "test/shop", path: shopDir };
const run = { inputs: [], map: null, definitions, events: 150, parameters: {} };
const switchedOn = { CustomerKey: "true", EnhancedFanOut: "true", Tracing: "Active" };

describe("the template's permissions after a whole run with its error paths", { timeout: 300_000 }, () => {
  it.each([
    ["as they are", {}],
    ["with every switch on", switchedOn],
  ])("%s, are all needed or kept for a reason that still holds, and none is missing", async (_, parameters) => {
    const usage = await runForPermissions({ ...run, definitions: null, parameters });
    const findings = findingsOf(usage, kept);
    expect(printFindings(findings)).toContain("Every permission is needed, and none is missing.");
    expect(findings.ok).toBe(true);
  });

  it("are found too wide or too narrow when they are", async () => {
    const template = readFileSync(join(projectDir, "template.yaml"), "utf8");
    const quarantine = "Action: firehose:PutRecordBatch";
    expect(template).toContain(quarantine);
    const templateText = template.replace(quarantine, "Action: [firehose:DescribeDeliveryStream, firehose:PutRecord]");
    const { ok, roles } = findingsOf(await runForPermissions({ ...run, templateText }), [
      ...kept,
      ...keptWithoutAlerts,
    ]);
    expect(ok).toBe(false);
    const found = roles.find(({ role }) => role === "UpdateFeaturesRole");
    expect(found?.unused.map(({ statement, pattern }) => `${statement} ${pattern}`)).toEqual([
      "Quarantine firehose:DescribeDeliveryStream",
      "Quarantine firehose:PutRecord",
      "Quarantine arn:aws:firehose:us-east-1:000000000000:deliverystream/quarantine-delivery",
    ]);
    expect(found?.refused.map(({ action }) => action)).toEqual(["firehose:PutRecordBatch"]);
  });
});

describe("an excuse for a permission that is not used", () => {
  const usage = (used: boolean): readonly RoleUsage[] => [
    {
      role: "R",
      permissions: [{ statement: "S", origin: null, kind: "action", pattern: "s3:GetObject", used }],
      refused: [],
    },
  ];
  const excuse = { role: "R", statement: "S", pattern: "s3:GetObject", reason: "for a rainy day" };

  it("counts while it is not used", () => {
    expect(findingsOf(usage(false), [])).toMatchObject({ ok: false, stale: [] });
    const excused = findingsOf(usage(false), [excuse]);
    expect(excused).toMatchObject({ ok: true, stale: [] });
    expect(printFindings(excused)).toContain("because: for a rainy day");
  });

  it("is stale when it is used, or not there", () => {
    expect(findingsOf(usage(true), [excuse])).toMatchObject({ ok: false, stale: [excuse] });
    expect(findingsOf(usage(true), [{ ...excuse, statement: "T" }]).ok).toBe(false);
    expect(printFindings(findingsOf(usage(true), [excuse]))).toContain("take it out");
  });
});

describe("what is not the template's own to say", () => {
  it("is not held against it: managed policies and SAM's own", () => {
    const permission = { statement: "AWSLambdaBasicExecutionRole", origin: "AWSLambdaBasicExecutionRole" } as const;
    const usage: readonly RoleUsage[] = [
      {
        role: "R",
        permissions: [{ ...permission, kind: "action", pattern: "logs:CreateLogGroup", used: false }],
        refused: [],
      },
    ];
    expect(findingsOf(usage, []).ok).toBe(true);
  });
});
