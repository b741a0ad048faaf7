import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  DescribeDeliveryStreamCommand,
  FirehoseClient,
  PutRecordBatchCommand,
  PutRecordCommand,
} from "@aws-sdk/client-firehose";
import { afterEach, describe, expect, it } from "vitest";
import { firehoseApi } from "../local/firehose/api.ts";
import { START_MS, STREAM_ARN, type Stack, startStack } from "./local-firehose.ts";

const DeliveryStreamName = "raw-delivery";

describe("the local Firehose API", () => {
  it("takes single records and batches from the AWS SDK and answers one result per record, in order", async () => {
    const { client, stack } = await start({ directPut: true });
    const single = await client.send(new PutRecordCommand({ DeliveryStreamName, Record: { Data: Buffer.from("a;") } }));
    const batch = await client.send(
      new PutRecordBatchCommand({
        DeliveryStreamName,
        Records: ["b;", "", "ü;"].map((text) => ({ Data: Buffer.from(text) })),
      }),
    );
    expect(batch.FailedPutCount).toBe(0);
    const ids = [single.RecordId, ...(batch.RequestResponses ?? []).map(({ RecordId }) => RecordId)];
    expect(new Set(ids).size).toBe(4);
    await stack.delivery.flush();
    expect(stack.objects.keys().map(stack.objects.text)).toEqual(["a;b;ü;"]);
    expect(stack.delivery.stats()).toMatchObject({ received: 4, delivered: 4 });
  });

  it("describes a delivery stream", async () => {
    const { client } = await start({ directPut: true });
    const { DeliveryStreamDescription } = await client.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }));
    expect(DeliveryStreamDescription).toMatchObject({
      DeliveryStreamARN: STREAM_ARN,
      DeliveryStreamStatus: "ACTIVE",
      DeliveryStreamType: "DirectPut",
      CreateTimestamp: new Date(START_MS),
    });
  });

  it("C7.3, C7.4: takes 1,000 KiB in a record and 500 records or 4 MiB in a batch, and not one more", async () => {
    const { client, stack } = await start({ directPut: true });
    const putAll = (count: number, sizeBytes: number) => {
      const Records = Array.from({ length: count }, () => ({ Data: Buffer.alloc(sizeBytes, "x") }));
      return client.send(new PutRecordBatchCommand({ DeliveryStreamName, Records })).then(
        () => "taken",
        ({ name }) => name,
      );
    };
    expect(await putAll(1, 1_024_000)).toBe("taken");
    expect(await putAll(1, 1_024_001)).toBe("ValidationException");
    expect(await putAll(500, 1)).toBe("taken");
    expect(await putAll(501, 1)).toBe("ValidationException");
    expect(await putAll(4, 1_048_576 - 100_000)).toBe("taken");
    expect(await putAll(5, 838_861)).toBe("InvalidArgumentException");
    expect(stack.delivery.stats().received).toBe(1 + 500 + 4);
  });

  it("C1.3: refuses puts on a stream with a Kinesis source, and an unknown stream", async () => {
    const { client } = await start({});
    const Record = { Data: Buffer.from("a") };
    await expect(client.send(new PutRecordCommand({ DeliveryStreamName, Record }))).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
    await expect(client.send(new PutRecordCommand({ DeliveryStreamName: "other", Record }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
  });
});

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function start(options: { readonly directPut?: boolean }): Promise<{ client: FirehoseClient; stack: Stack }> {
  const stack = startStack(options);
  const api = firehoseApi(() => [stack.delivery]);
  const server = createServer((request, response) => api.handle(request, response));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const client = new FirehoseClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  return { client, stack };
}
