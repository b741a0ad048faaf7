import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Context } from "aws-lambda";

/**
 * Acts unless that was done before. Throws what the act throws, and it may then be tried again; throws, too, while another one is at it. When
 * a function dies between its act and the note of it, the act is done again once the lease is over: whoever sees it must know the id.
 */
export type Once = (id: string, act: () => Promise<void>) => Promise<void>;

export interface OnceOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Who acts: two actors with one table do not keep each other from acting. */
  readonly actor: string;
  /** How long it is known what was done. */
  readonly keepSeconds: number;
}

/** Longer than any act takes, with the client's retries; so long nobody tries again after a crash. */
export const LEASE_MS = 20_000;

/** Who was the first to claim an id: the same answer to everybody, until it is forgotten. */
export type Claim = (id: string, claimant: string) => Promise<string>;

export function idempotentClaim(options: OnceOptions): Claim {
  return makeIdempotent(async (_id: string, claimant: string): Promise<string> => claimant, settingsOf(options));
}

export function idempotentOnce(options: OnceOptions): Once {
  const act = async (_id: string, act: () => Promise<void>): Promise<true> => {
    await act();
    return true;
  };
  const once = makeIdempotent(act, settingsOf(options));
  return async (id, act) => void (await once(id, act));
}

function settingsOf({ client, table, actor, keepSeconds }: OnceOptions) {
  const lease = { getRemainingTimeInMillis: () => LEASE_MS } as Context;
  return {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName: table, awsSdkV3Client: client }),
    config: new IdempotencyConfig({ expiresAfterSeconds: keepSeconds, lambdaContext: lease }),
    keyPrefix: actor,
    dataIndexArgument: 0,
  };
}
