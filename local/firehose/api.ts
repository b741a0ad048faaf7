import { AwsError } from "../aws-error.ts";
import { optionalObject, requiredBytes, requiredObjects, requiredString } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService } from "../aws-json.ts";
import type { AroundPut } from "../faults/puts.ts";
import { callerOf } from "../table-callers.ts";
import type { Delivery, PutResult } from "./delivery.ts";

/** The Firehose API for producers, mounted at the target prefix `Firehose_20150804`: PutRecord, PutRecordBatch and DescribeDeliveryStream. */
export function firehoseApi(
  deliveries: () => Iterable<Delivery>,
  /** Injects faults. */
  around: AroundPut = ({ records }, put) => put(records),
): JsonService {
  const find = (input: JsonObject): Delivery => {
    const name = requiredString(input, "DeliveryStreamName");
    for (const delivery of deliveries()) if (delivery.name === name) return delivery;
    throw new AwsError("ResourceNotFoundException", `Firehose ${name} not found under this account.`);
  };
  const putTo = (delivery: Delivery, request: Parameters<typeof callerOf>[0]): Put => {
    const { name: deliveryStream, put } = directPut(delivery);
    return (records) => around({ deliveryStream, records, caller: callerOf(request) }, put);
  };
  return awsJsonService({
    name: "Firehose",
    operations: {
      PutRecord: (input, request) => putRecord(putTo(find(input), request), input),
      PutRecordBatch: (input, request) => putRecordBatch(putTo(find(input), request), input),
      DescribeDeliveryStream: (input) => describe(find(input)),
    },
  });
}

type Put = Delivery["put"];

const MAX_RECORD_BYTES = 1000 * 1024;
const MAX_BATCH_RECORDS = 500;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

function directPut(delivery: Delivery): Delivery {
  if (delivery.source === "DirectPut") return delivery;
  throw new AwsError(
    "InvalidArgumentException",
    `This operation is not permitted on KinesisStreamAsSource delivery stream type: ${delivery.name} reads its Kinesis stream only.`,
  );
}

function putRecord(put: Put, input: JsonObject): JsonObject {
  const [result] = put([dataOf(optionalObject(input, "Record") ?? {})]);
  if (result?.kind === "ok") return { RecordId: result.recordId, Encrypted: false };
  throw new AwsError(result?.errorCode ?? "ServiceUnavailableException", result?.errorMessage ?? "No result.", 503);
}

function putRecordBatch(put: Put, input: JsonObject): JsonObject {
  const data = requiredObjects(input, "Records", { min: 1, max: MAX_BATCH_RECORDS }).map(dataOf);
  const sizeBytes = data.reduce((total, { length }) => total + length, 0);
  if (sizeBytes > MAX_BATCH_BYTES) {
    throw new AwsError("InvalidArgumentException", `Records size exceeds 4 MB limit: got ${sizeBytes} bytes.`);
  }
  const results = put(data);
  return {
    FailedPutCount: results.filter(({ kind }) => kind === "error").length,
    Encrypted: false,
    RequestResponses: results.map(toResponseEntry),
  };
}

function toResponseEntry(result: PutResult): JsonObject {
  if (result.kind === "ok") return { RecordId: result.recordId };
  return { ErrorCode: result.errorCode, ErrorMessage: result.errorMessage };
}

function dataOf(record: JsonObject): Buffer {
  const data = requiredBytes(record, "Data");
  if (data.length <= MAX_RECORD_BYTES) return data;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to ${MAX_RECORD_BYTES}, got ${data.length}`,
  );
}

function describe(delivery: Delivery): JsonObject {
  return {
    DeliveryStreamDescription: {
      DeliveryStreamName: delivery.name,
      DeliveryStreamARN: delivery.arn,
      DeliveryStreamStatus: "ACTIVE",
      DeliveryStreamType: delivery.source,
      VersionId: "1",
      CreateTimestamp: delivery.createdMs / 1000,
      Destinations: [{ DestinationId: "destinationId-000000000001" }],
      HasMoreDestinations: false,
    },
  };
}
