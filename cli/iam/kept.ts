/** Permissions of template.yaml that are kept although a whole run, with its error paths, does not use them: each with the reason. */
export interface Kept {
  /** As in the template: the role's logical id, the statement's Sid, and the action or resource as the runtime resolves it. */
  readonly role: string;
  readonly statement: string;
  readonly pattern: string;
  readonly reason: string;
}

const BEYOND_LIMITS =
  "Only a view that refuses events when it is made anew needs it, as of an entity beyond its limit; test/functions-recompute.test.ts does.";

/** What AWS asks of a machine's role for its log. */
const LOG_DELIVERY: readonly string[] = [
  ...["CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"],
  ...["PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"],
]
  .map((action) => `logs:${action}`)
  .concat("*");

export const kept: readonly Kept[] = [
  {
    role: "QuarantineDeliveryRole",
    statement: "WriteObjects",
    pattern: "arn:aws:s3:::lake/quarantine-errors/*",
    reason:
      "Nothing transforms or converts quarantined rows, so none can fail; should Firehose ever reject one, it must not block behind an error that it cannot write.",
  },
  ...["firehose:PutRecordBatch", "arn:aws:firehose:us-east-1:000000000000:deliverystream/quarantine-delivery"].map(
    (pattern) => ({ role: "RecomputeRole", statement: "Quarantine", pattern, reason: BEYOND_LIMITS }),
  ),
  ...["s3:PutObject", "arn:aws:s3:::lake/quarantine-oversize/*"].map((pattern) => ({
    role: "RecomputeRole",
    statement: "QuarantineOversize",
    pattern,
    reason: BEYOND_LIMITS,
  })),
  ...["s3:ListBucket", "arn:aws:s3:::raw"].map((pattern) => ({
    role: "RecomputeRole",
    statement: "FindTheBytesOfWhatIsRefused",
    pattern,
    reason: BEYOND_LIMITS,
  })),
  ...["s3:GetObject", "arn:aws:s3:::raw/raw/*"].map((pattern) => ({
    role: "RecomputeRole",
    statement: "ReadTheBytesOfWhatIsRefused",
    pattern,
    reason: BEYOND_LIMITS,
  })),
  ...["s3:ListBucket", "arn:aws:s3:::lake"].map((pattern) => ({
    role: "ReplayRecordsRole",
    statement: "SeeWhatIsNotThere",
    pattern,
    reason: "Without it S3 answers for a record whose bytes are lost as for one that is forbidden.",
  })),
  ...["UpdateFeaturesRole", "RecomputeRole"].map((role) => ({
    role,
    statement: "RaiseAlertsOnce",
    pattern: "dynamodb:DeleteItem",
    reason:
      "Only an alert that EventBridge refuses needs it, so that it can be raised again; npm run chaos refuses some.",
  })),
  {
    role: "NotifyRole",
    statement: "ActOnce",
    pattern: "dynamodb:DeleteItem",
    reason: "Only an act that fails needs it, so that it can be done again; writing a line never fails.",
  },
  {
    role: "PlanReplayRole",
    statement: "DoOnce",
    pattern: "dynamodb:DeleteItem",
    reason: "Only a claim that fails needs it, so that it can be made again.",
  },
  ...["s3:RestoreObject", "arn:aws:s3:::raw/raw/*"].map((pattern) => ({
    role: "PlanReplayRole",
    statement: "BringBackFromGlacier",
    pattern,
    reason:
      "This template moves raw objects to Glacier Instant Retrieval, which needs none; a fork may not. test/replay-curated.test.ts freezes some.",
  })),
  {
    role: "ReplayMachineRole",
    statement: "FollowItsChildren",
    pattern: "states:StopExecution",
    reason: "Only a Map that fails, or is stopped, ends its children; AWS asks for it with every distributed Map.",
  },
  ...["Chunks", "Buckets", "Shards", "Hours"]
    .map((label) => `arn:aws:states:us-east-1:000000000000:execution:millrace-replay/${label}:*`)
    .concat("states:RedriveExecution")
    .map((pattern) => ({
      role: "ReplayMachineRole",
      statement: "RedriveItsChildren",
      pattern,
      reason: "Only a redrive needs it; test/replay-curated.test.ts does one.",
    })),
  {
    role: "ReplayMachineRole",
    statement: "AskForRows",
    pattern: "athena:StopQueryExecution",
    reason: "Only a query whose task is stopped or takes too long needs it.",
  },
  ...LOG_DELIVERY.map((pattern) => ({
    role: "ReplayMachineRole",
    statement: "DeliverLogs",
    pattern,
    reason: "AWS asks for it when a machine with a log is made.",
  })),
  {
    role: "ReconcileMachineRole",
    statement: "FollowThem",
    pattern: "states:StopExecution",
    reason: "Only a Map that fails, or is stopped, ends its children; AWS asks for it with every distributed Map.",
  },
  ...[
    ...["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    "arn:aws:events:us-east-1:000000000000:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
  ].map((pattern) => ({
    role: "ReconcileMachineRole",
    statement: "HearWhenTheRepairEnds",
    pattern,
    reason: "AWS hears of the end of a machine that is waited for by a rule of its own.",
  })),
  {
    role: "ReconcileMachineRole",
    statement: "FollowThem",
    pattern: "arn:aws:states:us-east-1:000000000000:execution:millrace-replay:*",
    reason: "AWS asks how a machine ended that is waited for; the local runtime knows.",
  },
  ...["shards", "compare"]
    .map((label) => `arn:aws:states:us-east-1:000000000000:execution:millrace-reconcile/${label}:*`)
    .concat("states:RedriveExecution")
    .map((pattern) => ({
      role: "ReconcileMachineRole",
      statement: "RedriveItsChildren",
      pattern,
      reason: "Only a redrive needs it; test/reconcile-pipeline.test.ts does one.",
    })),
  {
    role: "ReconcileMachineRole",
    statement: "WriteResults",
    pattern: "s3:GetObject",
    reason:
      "AWS lists it for the place of the results of whoever starts a query; the local Athena reads nothing there.",
  },
  {
    role: "ReconcileMachineRole",
    statement: "AskTheLake",
    pattern: "athena:StopQueryExecution",
    reason: "Only a machine that is stopped stops its query.",
  },
  ...["kms:Decrypt", "kms:GenerateDataKey", "arn:aws:kms:us-east-1:000000000000:key/alarm-key"].map((pattern) => ({
    role: "ReconcileMachineRole",
    statement: "UseTheTopicsKey",
    pattern,
    reason: "The topic is encrypted, and keys are not simulated.",
  })),
  ...LOG_DELIVERY.map((pattern) => ({
    role: "ReconcileMachineRole",
    statement: "DeliverLogs",
    pattern,
    reason: "AWS asks for it when a machine with a log is made.",
  })),
];

/** Where the definitions have no alert that a run could raise, nothing of this is used. */
export const keptWithoutAlerts: readonly Kept[] = [
  ["RaiseAlertsOnce", "dynamodb:PutItem"],
  ["RaiseAlertsOnce", "dynamodb:GetItem"],
  ["RaiseAlertsOnce", "dynamodb:UpdateItem"],
  ["RaiseAlertsOnce", "arn:aws:dynamodb:us-east-1:000000000000:table/idempotency-table"],
  ["RaiseAlerts", "events:PutEvents"],
  ["RaiseAlerts", "arn:aws:events:us-east-1:000000000000:event-bus/alert-bus"],
].flatMap(([statement = "", pattern = ""]) =>
  ["UpdateFeaturesRole", "RecomputeRole"].map((role) => ({
    role,
    statement,
    pattern,
    reason: "Only an alert needs it, and these definitions have none that the run could raise.",
  })),
);

/** Where the definitions have no metrics, there is none to draw and none to finish. */
export const keptWithoutMetrics: readonly Kept[] = [
  ["DrawPanelRole", "ReadMetrics", "dynamodb:Query"],
  ["DrawPanelRole", "ReadMetrics", "arn:aws:dynamodb:us-east-1:000000000000:table/metrics-table"],
  ["FinalizeMetricsRole", "ReadAndWriteMetrics", "dynamodb:Query"],
  ["FinalizeMetricsRole", "ReadAndWriteMetrics", "dynamodb:BatchWriteItem"],
  ["FinalizeMetricsRole", "ReadAndWriteMetrics", "arn:aws:dynamodb:us-east-1:000000000000:table/metrics-table"],
].map(([role = "", statement = "", pattern = ""]) => ({
  ...{ role, statement, pattern },
  reason: "Only a metric needs it, and these definitions have none.",
}));
