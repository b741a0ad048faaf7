/** What all streams of the account share: its quotas (D1.7, D2.2, D2.3), with DescribeLimits and the account's settings. */
import { AwsError } from "../aws-error.ts";
import { optionalObject, requiredString } from "../aws-input.ts";
import type { Operation } from "../aws-json.ts";
import type { Streams } from "./service.ts";

/** AWS's for us-east-1. */
const shardsPerAccount = 20_000;
const onDemandStreamsPerAccount = 50;
const consumersPerStream = 20;
const consumersPerStreamWithAdvantage = 50;
const leastCommitmentMs = 24 * 3_600_000;

export interface Account {
  /** On-demand Advantage, the commitment to a minimum of throughput: since when it is on. */
  advantageSinceMs: number | null;
}

export function consumerQuota({ account }: Streams): number {
  return account.advantageSinceMs === null ? consumersPerStream : consumersPerStreamWithAdvantage;
}

export function checkShardQuota(streams: Streams, additional: number): void {
  const current = openShards(streams);
  if (current + additional <= shardsPerAccount) return;
  throw limitExceeded(
    `This request would exceed the shard limit for the account ${streams.accountId} in ${streams.region}. Current shard count for the account: ${current}. Limit: ${shardsPerAccount}. Number of additional shards that would have resulted from this request: ${additional}.`,
  );
}

export function checkOnDemandQuota(streams: Streams): void {
  const current = onDemandStreams(streams);
  if (current < onDemandStreamsPerAccount) return;
  throw limitExceeded(
    `This request would exceed the on-demand stream limit for the account ${streams.accountId} in ${streams.region}. Current on-demand stream count for the account: ${current}. Limit: ${onDemandStreamsPerAccount}.`,
  );
}

export function accountOperations(streams: Streams): Record<string, Operation> {
  const { account, clock } = streams;
  return {
    DescribeLimits: () => ({
      ShardLimit: shardsPerAccount,
      OpenShardCount: openShards(streams),
      OnDemandStreamCount: onDemandStreams(streams),
      OnDemandStreamCountLimit: onDemandStreamsPerAccount,
    }),
    DescribeAccountSettings: () => ({ MinimumThroughputBillingCommitment: commitment(account) }),
    UpdateAccountSettings(input) {
      const asked = optionalObject(input, "MinimumThroughputBillingCommitment") ?? {};
      const status = requiredString(asked, "Status");
      if (status !== "ENABLED" && status !== "DISABLED") {
        throw new AwsError("InvalidArgumentException", `Expected Status ENABLED or DISABLED, got ${status}.`);
      }
      const sinceMs = account.advantageSinceMs;
      if (status === "DISABLED" && sinceMs !== null && clock.now() < sinceMs + leastCommitmentMs) {
        const endMs = new Date(sinceMs + leastCommitmentMs).toISOString();
        throw new AwsError("InvalidArgumentException", `The commitment cannot end before ${endMs}.`);
      }
      account.advantageSinceMs = status === "ENABLED" ? (sinceMs ?? clock.now()) : null;
      return { MinimumThroughputBillingCommitment: commitment(account) };
    },
  };
}

function commitment({ advantageSinceMs }: Account) {
  if (advantageSinceMs === null) return { Status: "DISABLED" };
  return {
    Status: "ENABLED",
    StartedAt: advantageSinceMs / 1000,
    EarliestAllowedEndAt: (advantageSinceMs + leastCommitmentMs) / 1000,
  };
}

function openShards(streams: Streams): number {
  return streams.all().reduce((sum, stream) => sum + stream.shards().filter(({ closed }) => !closed).length, 0);
}

function onDemandStreams(streams: Streams): number {
  return streams.all().filter(({ mode }) => mode === "ON_DEMAND").length;
}

function limitExceeded(message: string): AwsError {
  return new AwsError("LimitExceededException", message);
}
