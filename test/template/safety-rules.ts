/** What keeps data, keeps it private, and says when something is wrong. */
import { at, least, resourcesOf, type Template, textsIn, wildcardComments } from "./template.ts";

const holdsData = ["AWS::Kinesis::Stream", "AWS::DynamoDB::Table", "AWS::S3::Bucket"];
const mustDecide = [...holdsData, "AWS::KMS::Key", "AWS::Logs::LogGroup"];

/** Deleting the stack must not delete data; for keys and logs the template at least says what happens. */
export function dataOutlivesTheStack(template: Template): readonly string[] {
  return Object.entries(template.Resources).flatMap(([id, { Type, DeletionPolicy, UpdateReplacePolicy }]) => {
    const kept = /^Retain/.test(DeletionPolicy ?? "") && UpdateReplacePolicy === "Retain";
    if (holdsData.includes(Type)) return kept ? [] : [`${id}: DeletionPolicy and UpdateReplacePolicy must retain it`];
    const decided = DeletionPolicy !== undefined && UpdateReplacePolicy !== undefined;
    return !mustDecide.includes(Type) || decided ? [] : [`${id}: say DeletionPolicy and UpdateReplacePolicy`];
  });
}

export function bucketsAreClosedVersionedAndSwept(template: Template): readonly string[] {
  return resourcesOf(template, "AWS::S3::Bucket").flatMap(([id, { Properties }]) => {
    const block = Object.values((at(Properties, "PublicAccessBlockConfiguration") ?? {}) as object);
    const rules = (at(Properties, "LifecycleConfiguration", "Rules") ?? []) as readonly unknown[];
    const everywhere = (property: string) =>
      rules.some((rule) => at(rule, property) !== undefined && at(rule, "Prefix") === undefined);
    const tlsOnly = resourcesOf(template, "AWS::S3::BucketPolicy").some(
      ([, policy]) =>
        at(policy.Properties, "Bucket", "Ref") === id &&
        denyPlainHttp(at(policy.Properties, "PolicyDocument", "Statement")),
    );
    return [
      ...(block.length === 4 && block.every((value) => value === true)
        ? []
        : [`${id}: block public access, all four ways`]),
      ...(at(Properties, "BucketEncryption") === undefined ? [`${id}: say BucketEncryption`] : []),
      ...(at(Properties, "VersioningConfiguration", "Status") === "Enabled" ? [] : [`${id}: enable versioning`]),
      ...(everywhere("NoncurrentVersionExpiration") ? [] : [`${id}: old versions never go away`]),
      ...(everywhere("AbortIncompleteMultipartUpload") ? [] : [`${id}: unfinished uploads never go away`]),
      ...(tlsOnly ? [] : [`${id}: no bucket policy denies plain HTTP`]),
    ];
  });
}

/** Repairs recompute from raw, so it stays for half a year whatever the parameters say. */
export function rawIsKeptHalfAYear(template: Template): readonly string[] {
  const rules = (at(template.Resources.RawBucket?.Properties, "LifecycleConfiguration", "Rules") ??
    []) as readonly unknown[];
  return rules
    .filter(
      (rule) => at(rule, "ExpirationInDays") !== undefined && !(least(template, at(rule, "ExpirationInDays")) >= 180),
    )
    .map((rule) => `RawBucket: rule ${String(at(rule, "Id"))} expires objects before 180 days`);
}

/** `*` stands only where a comment beside it says that AWS takes nothing narrower; no role may do all that a service can. */
export function wildcardsAreExplained(template: Template): readonly string[] {
  const unexplained = wildcardComments(template.text).filter(
    ({ comment }) => comment === null || !/no narrower resource exists: \S/.test(comment),
  );
  const broad = resourcesOf(template, "AWS::IAM::Role").flatMap(([id, { Properties }]) =>
    textsIn(at(Properties, "Policies"))
      .filter((text) => /^[a-z0-9-]+:\*$/.test(text))
      .map((action) => `${id}: allows ${action}`),
  );
  const explain = ({ line }: { line: number }) =>
    `line ${line}: "*" without the comment "no narrower resource exists: why"`;
  return [...unexplained.map(explain), ...broad];
}

export function functionsLogToGroupsThatExpire(template: Template): readonly string[] {
  return resourcesOf(template, "AWS::Serverless::Function").flatMap(([id, { Properties }]) => {
    const group = String(at(Properties, "LoggingConfig", "LogGroup", "Ref"));
    const retention = at(template.Resources[group]?.Properties, "RetentionInDays");
    return retention === undefined
      ? [`${id}: LoggingConfig.LogGroup must be a log group of this template with RetentionInDays`]
      : [];
  });
}

/** A rate rings after three of five minutes. These ring at the first: what they count may be a lost record, and comes once. */
export const atOnce = [
  "BatchFailedAlarm",
  "RecordsDroppedAlarm",
  "FailedBucketUnreachableAlarm",
  "MetricsBatchFailedAlarm",
  "MetricsRecordsDroppedAlarm",
  "MetricsFailedBucketUnreachableAlarm",
  "RecordNotArchivedAlarm",
  "AlertsUnheardAlarm",
  "ReplayMachineFailedAlarm",
  "ReplayMachineTimedOutAlarm",
  "ReconcileMachineFailedAlarm",
  "ReconcileMachineTimedOutAlarm",
  "StreamDriftAlarm",
  "ArchiveDriftAlarm",
  "LakeDriftAlarm",
  "FeaturesDriftAlarm",
  "ViewsDriftAlarm",
  "CountersDriftAlarm",
  "MetricsDriftAlarm",
];

/** What happens once a day is missed after two: the first day of a stack may have none. */
const byTheDay = ["ReconcileNotStartedAlarm"];

export function alarmsRingInTime(template: Template): readonly string[] {
  return resourcesOf(template, "AWS::CloudWatch::Alarm").flatMap(([id, { Properties }]) => {
    const points = `${String(at(Properties, "DatapointsToAlarm"))} of ${String(at(Properties, "EvaluationPeriods"))}`;
    const wanted = atOnce.includes(id) ? "1 of 1" : byTheDay.includes(id) ? "2 of 2" : "3 of 5";
    return [
      ...(points === wanted ? [] : [`${id}: rings at ${points} datapoints, expected ${wanted}`]),
      ...(at(Properties, "AlarmActions", 0, "Ref") === "AlarmTopic" ? [] : [`${id}: tells nobody (AlarmActions)`]),
      ...(at(Properties, "TreatMissingData") === "notBreaching"
        ? []
        : [`${id}: TreatMissingData must be notBreaching: no traffic is no alarm`]),
    ];
  });
}

/** Without a filter on dt a query reads the whole lake. */
export function namedQueriesFilterByDay(template: Template): readonly string[] {
  return resourcesOf(template, "AWS::Athena::NamedQuery")
    .filter(
      ([, { Properties }]) =>
        !/\bWHERE\b[\s\S]*\bdt\s*(=|>=|>|BETWEEN\b|IN\b)/i.test(String(at(Properties, "QueryString"))),
    )
    .map(([id]) => `${id}: the query has no filter on dt`);
}

export function nothingNamesAnAccount(template: Template): readonly string[] {
  return [...template.text.matchAll(/\b\d{12}\b/g)].map(
    ([number]) => `${number} looks like an account: use AWS::AccountId`,
  );
}

function denyPlainHttp(statements: unknown): boolean {
  return ((statements ?? []) as readonly unknown[]).some(
    (statement) =>
      at(statement, "Effect") === "Deny" && at(statement, "Condition", "Bool", "aws:SecureTransport") === "false",
  );
}
