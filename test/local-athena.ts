/** Athena on a port of its own, with a template's tables, buckets and roles, on a virtual clock. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type QueryExecution,
  StartQueryExecutionCommand,
  type StartQueryExecutionCommandInput,
} from "@aws-sdk/client-athena";
import { createAthena } from "../local/athena/service.ts";
import { virtualClock } from "../local/clock.ts";
import { createAccess } from "../local/iam/access.ts";
import { createObjectStore } from "../local/s3/store.ts";
import { startServer } from "../local/server.ts";
import { loadTemplate } from "../local/template/load.ts";

export interface LocalAthena {
  readonly client: AthenaClient;
  /** As a function or a machine of the template calls. */
  clientOf(logicalId: string): AthenaClient;
  advance(ms: number): Promise<void>;
  put(bucket: string, key: string, body: string | Uint8Array): Promise<void>;
  /** By key; what ends in .gz unpacked. */
  read(bucket: string, prefix: string): Promise<Readonly<Record<string, string>>>;
  delete(bucket: string, key: string): Promise<void>;
  copy(bucket: string, from: string, to: string): Promise<void>;
  /** Runs to the end, whatever that is. */
  run(sql: string, more?: Partial<StartQueryExecutionCommandInput>, client?: AthenaClient): Promise<QueryExecution>;
  /** The rows of a query that has to succeed, without the header. */
  rows(sql: string, more?: Partial<StartQueryExecutionCommandInput>): Promise<readonly (readonly (string | null)[])[]>;
  close(): Promise<void>;
}

export interface LocalAthenaOptions {
  readonly templateText: string;
  readonly nowMs: number;
  /** Of every query that says nothing else. */
  readonly workGroup: string;
  readonly database: string;
}

export async function openAthena({
  templateText,
  nowMs,
  workGroup,
  database,
}: LocalAthenaOptions): Promise<LocalAthena> {
  const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText });
  const rootDir = await mkdtemp(join(tmpdir(), "athena-"));
  const clock = virtualClock(nowMs);
  const access = createAccess(template);
  const objects = createObjectStore(rootDir, { now: clock.now });
  for (const { name } of template.of("AWS::S3::Bucket")) await objects.createBucket(name);
  const athena = createAthena({ template, access, clock, objects, rootDir, seed: 1 });
  const none = { handle: () => {} };
  const server = await startServer({ clock, access, services: { kinesis: none, dynamodb: none, s3: none, athena } });
  const clients: AthenaClient[] = [];
  const clientOf = (accessKeyId: string): AthenaClient => {
    const credentials = { accessKeyId, secretAccessKey: "local" };
    const made = new AthenaClient({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
    clients.push(made);
    return made;
  };
  const client = clientOf("local");

  const run: LocalAthena["run"] = async (sql, more = {}, as = client) => {
    const context = { WorkGroup: workGroup, QueryExecutionContext: { Database: database } };
    const started = await as.send(new StartQueryExecutionCommand({ QueryString: sql, ...context, ...more }));
    await clock.runUntilIdle();
    const found = await client.send(new GetQueryExecutionCommand({ QueryExecutionId: started.QueryExecutionId }));
    return found.QueryExecution as QueryExecution;
  };
  return {
    client,
    clientOf: (logicalId) => clientOf(`${logicalId}-1`),
    advance: (ms) => clock.advanceTo(clock.now() + ms),
    put: (bucket, key, body) => objects.put(bucket, key, typeof body === "string" ? Buffer.from(body) : body),
    delete: objects.delete,
    copy: async (bucket, from, to) => objects.put(bucket, to, (await objects.get(bucket, from)) as Buffer),
    async read(bucket, prefix) {
      const found: Record<string, string> = {};
      for (const key of await objects.keys(bucket, prefix)) {
        const body = (await objects.get(bucket, key)) as Buffer;
        found[key] = (key.endsWith(".gz") ? gunzipSync(body) : body).toString();
      }
      return found;
    },
    run,
    async rows(sql, more) {
      const { QueryExecutionId, Status } = await run(sql, more);
      if (Status?.State !== "SUCCEEDED") throw new Error(`${Status?.State}: ${Status?.StateChangeReason}`);
      const { ResultSet } = await client.send(new GetQueryResultsCommand({ QueryExecutionId }));
      const rows = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue: value = null }) => value));
      return rows.slice(1);
    },
    async close() {
      for (const one of clients) one.destroy();
      await athena.stop();
      await server.stop();
      await rm(rootDir, { recursive: true, force: true });
    },
  };
}

export function gzipLines(...rows: readonly object[]): Buffer {
  return gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}
