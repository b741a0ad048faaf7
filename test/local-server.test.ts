import { Agent, get as httpGet, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { startTables } from "../local/dynamodb.ts";
import { createKinesis } from "../local/kinesis/service.ts";
import { createS3 } from "../local/s3/service.ts";
import { createObjectStore } from "../local/s3/store.ts";
import { type Server, type ServerOptions, type Service, startServer } from "../local/server.ts";

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const echo = (name: string): Service => ({ handle: (_, response) => void response.end(name) });
const services = { kinesis: echo("kinesis"), dynamodb: echo("dynamodb"), firehose: echo("firehose"), s3: echo("s3") };

const started: Server[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

describe("one port", () => {
  it("serves unmodified SDK clients of each service, over HTTP/2 and HTTP/1.1, and counts their requests", async () => {
    const clock = virtualClock(startMs);
    const tables = await startTables({ clock });
    const s3 = createS3(createObjectStore("/nowhere"));
    const server = await start({ services: { kinesis: createKinesis({ clock }), dynamodb: tables, s3 } });
    const config = {
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    };
    const [kinesis, dynamodb, objects] = [new KinesisClient(config), new DynamoDBClient(config), new S3Client(config)];
    expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
    expect((await dynamodb.send(new ListTablesCommand({}))).TableNames).toEqual([]);
    expect((await dynamodb.send(new ListTablesCommand({}))).TableNames).toEqual([]);
    expect((await objects.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
    expect(server.requests()).toEqual({
      kinesis: { ListStreams: 1 },
      dynamodb: { ListTables: 2 },
      s3: { ListBuckets: 1 },
    });
    for (const client of [kinesis, dynamodb, objects]) client.destroy();
    await tables.stop();
  });

  it.each([
    ["Kinesis_20131202.PutRecord", "kinesis"],
    ["DynamoDB_20120810.PutItem", "dynamodb"],
    ["Firehose_20150804.PutRecordBatch", "firehose"],
    [undefined, "s3"],
  ])("dispatches X-Amz-Target %s to %s in both protocols", async (target, name) => {
    const server = await start();
    const headers: Record<string, string> = target === undefined ? {} : { "x-amz-target": target };
    expect((await http1(server, headers)).body).toBe(name);
    expect((await http2(server, headers)).body).toBe(name);
  });

  it("says which services there are when a request is for another", async () => {
    const { firehose: _, ...without } = services;
    const server = await start({ services: without });
    for (const target of ["AWSGlue.GetTable", "Firehose_20150804.PutRecord"]) {
      const reply = await http1(server, { "x-amz-target": target });
      expect(reply.statusCode).toBe(400);
      expect(JSON.parse(reply.body)).toEqual({
        __type: "UnknownOperationException",
        message: `${target} is not supported by the local runtime. It has kinesis, dynamodb, s3.`,
      });
    }
  });

  it.each([
    ["lambda", undefined, /^\{"__type":"UnknownOperationException","message":"lambda is not supported/],
    ["sns", "application/x-www-form-urlencoded; charset=utf-8", /<Message>sns is not supported .* It has kinesis, /],
  ])("says so to a request that is signed for %s, in that service's form", async (service, type, answer) => {
    const server = await start();
    const reply = await http1(server, { ...signedFor(service), ...(type && { "content-type": type }) });
    expect(reply).toMatchObject({ statusCode: 400, body: expect.stringMatching(answer) });
  });

  it("takes what is signed for S3, and what is not signed, for S3", async () => {
    const server = await start();
    for (const headers of [signedFor("s3"), { authorization: "Basic bG9jYWw=" }, {}]) {
      expect((await http1(server, headers)).body).toBe("s3");
    }
  });

  it("dates its replies by the clock, in both protocols", async () => {
    const clock = virtualClock(startMs);
    const server = await start({ clock });
    expect((await http1(server)).date).toBe("Fri, 02 Jan 2026 03:04:05 GMT");
    await clock.advanceTo(startMs + 86_400_000);
    expect((await http1(server)).date).toBe("Sat, 03 Jan 2026 03:04:05 GMT");
    expect((await http2(server)).date).toBe("Sat, 03 Jan 2026 03:04:05 GMT");
  });

  it("tells the protocols apart when the first bytes come one by one", async () => {
    const server = await start();
    const socket = await open(server);
    const answered = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    socket.setNoDelay(true);
    for (const char of "PROPFIND / HTTP/1.1\r\nhost: x\r\n\r\n") {
      socket.write(char);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answered).toMatch(/^HTTP\/1\.1 200/);
    socket.destroy();
  });

  it("takes bodies of 20 MB over HTTP/2", async () => {
    let received = 0;
    const counting: Service = {
      handle(request, response) {
        request.on("data", (chunk: Buffer) => {
          received += chunk.length;
        });
        request.on("end", () => response.end("done"));
      },
    };
    const server = await start({ services: { ...services, kinesis: counting } });
    const body = Buffer.alloc(20_000_000, 1);
    const replies = await Promise.all(
      Array.from({ length: 3 }, () => http2(server, { "x-amz-target": "Kinesis_20131202.X" }, body)),
    );
    expect(replies.map((reply) => reply.body)).toEqual(["done", "done", "done"]);
    expect(received).toBe(60_000_000);
  });

  it("survives a client that leaves in the middle of a request, or before it", async () => {
    const server = await start();
    (await open(server)).resetAndDestroy();
    const socket = await open(server);
    socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    socket.resetAndDestroy();
    expect((await http1(server)).body).toBe("s3");
  });
});

describe("starting and stopping", () => {
  it("says what to do when the port is taken", async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow(`Port ${port} is in use: stop the other program or pass --port N`);
  });

  it("listens on 127.0.0.1 only", async () => {
    const { port, url } = await start();
    expect(url).toBe(`http://127.0.0.1:${port}`);
    await expect(open({ port, host: "127.0.0.2" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("stops with idle connections, with one that has said nothing, and with requests in flight, and frees the port", async () => {
    const hanging: ServerResponse[] = [];
    const arrived = Promise.withResolvers<void>();
    const slow: Service = {
      handle(_, response) {
        hanging.push(response);
        if (hanging.length === 2) arrived.resolve();
      },
    };
    const server = await startServer({ clock: virtualClock(startMs), services: { ...services, kinesis: slow } });
    const agent = new Agent({ keepAlive: true });
    await http1(server, {}, agent);
    const silent = await open(server);
    const session = connectHttp2(server.url);
    session.on("error", () => {});
    const target = { "x-amz-target": "Kinesis_20131202.PutRecord" };
    const broken = [
      http1(server, target).catch(() => "broken"),
      http2(server, target, undefined, session).catch(() => "broken"),
    ];
    await arrived.promise;
    await server.stop();
    expect(await Promise.all(broken)).toEqual(["broken", "broken"]);
    await expect(open(server)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const again = await start({ port: server.port });
    expect(again.port).toBe(server.port);
    silent.destroy();
    agent.destroy();
  });
});

// ---- builders

async function start(options: Partial<ServerOptions> = {}): Promise<Server> {
  const server = await startServer({ clock: virtualClock(startMs), services, ...options });
  started.push(server);
  return server;
}

function signedFor(service: string) {
  const scope = `Credential=AK/ID/20260102/us-east-1/${service}/aws4_request`;
  return { authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host;x-amz-date, Signature=0` };
}

interface Reply {
  readonly statusCode: number;
  readonly date: string | undefined;
  readonly body: string;
}

function http1({ port }: Server, headers: Record<string, string> = {}, agent: Agent | false = false): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpGet({ host: "127.0.0.1", port, headers, agent }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ statusCode: response.statusCode ?? 0, date: response.headers.date, body }));
    });
    request.on("error", reject);
  });
}

function http2(
  server: Server,
  headers: Record<string, string> = {},
  sent?: Buffer,
  session = connectHttp2(server.url),
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": "/", ...headers });
    let body = "";
    let reply = { statusCode: 0, date: undefined as string | undefined };
    stream.on("response", (got) => {
      reply = { statusCode: Number(got[":status"]), date: got.date };
    });
    stream.on("data", (chunk) => {
      body += chunk;
    });
    stream.on("end", () => {
      session.close();
      if (reply.statusCode === 0) reject(new Error("ended without an answer"));
      else resolve({ ...reply, body });
    });
    stream.on("error", reject);
    stream.end(sent);
  });
}

function open({ port, host = "127.0.0.1" }: { readonly port: number; readonly host?: string }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.on("error", () => {});
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
