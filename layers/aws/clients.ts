import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { FirehoseClient } from "@aws-sdk/client-firehose";
import { KinesisClient } from "@aws-sdk/client-kinesis";
import { S3Client } from "@aws-sdk/client-s3";

/**
 * The SDK's clients, made once per execution environment. Connections are kept alive (the SDK's default) and every wait is
 * bounded, so that a dead connection costs one attempt and not the function's timeout. Region, endpoint and credentials come
 * from the environment, as on Lambda.
 */

/** Attempts in all per request, the first included; the SDK's "standard" mode adds jittered backoff and its retry quota. */
export const MAX_ATTEMPTS = 5;
export const CONNECT_TIMEOUT_MS = 1000;
export const REQUEST_TIMEOUT_MS = 5000;
/** The SDK's default, stated because the stores' concurrency counts on it. */
export const MAX_SOCKETS = 50;

const bounded = {
  maxAttempts: MAX_ATTEMPTS,
  retryMode: "standard",
  requestHandler: {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
  },
} as const;

/**
 * With its middleware composed once per kind of command and not per call: a tenth of what a put costs in CPU time. What middleware notes about a request is
 * then shared by those under way, which is harmless where all go to one endpoint: not with S3, whose buckets have their own.
 */
export const dynamoDbClient = (): DynamoDBClient => new DynamoDBClient({ ...bounded, cacheMiddleware: true });
/** For questions whose answer can wait for the next one: one short attempt. */
export const cloudWatchClient = (): CloudWatchClient =>
  new CloudWatchClient({
    ...bounded,
    maxAttempts: 1,
    requestHandler: { ...bounded.requestHandler, requestTimeout: 1500 },
  });
/** Its attempts must end before the lease of what is done once does. */
export const eventBridgeClient = (): EventBridgeClient => new EventBridgeClient({ ...bounded, maxAttempts: 3 });
export const firehoseClient = (): FirehoseClient => new FirehoseClient(bounded);
export const s3Client = (): S3Client => new S3Client(bounded);
/** Readers of a shard share five reads a second, so some are refused; and a page may have 10 MB. */
export const kinesisClient = (): KinesisClient =>
  new KinesisClient({
    ...bounded,
    maxAttempts: 10,
    requestHandler: { ...bounded.requestHandler, requestTimeout: 20_000 },
  });
