/** The inputs of the rows on DynamoDB: events whose keys are as skewed as real ones are, with the one view that looks at them. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, type Pipeline } from "@millrace/engine";
import type { KinesisStreamRecord } from "aws-lambda";
import { loadDefinitions, projectDir } from "../../cli/definitions.ts";
import { openArrivals, pathOf } from "../../cli/input/arrivals.ts";
import { openInput } from "../../cli/input/files.ts";
import { createMapper } from "../../cli/input/map.ts";
import { readMapFile } from "../../cli/input/map-file.ts";
import { toKinesisRecord } from "../kinesis-batch.ts";
import type { BenchOptions } from "../options.ts";
import type { Contribution } from "./powertools.ts";

export interface Input {
  readonly name: string;
  /** With one view only: what a view costs depends on its own keys. */
  readonly pipeline: Pipeline;
  readonly contribution: Contribution;
  readonly records: readonly KinesisStreamRecord[];
}

interface Stream {
  readonly files: readonly string[];
  readonly map: string;
  readonly order: "file" | "event-time";
  readonly definitionsDir: string;
  /** Events to leave out first, and how many to take then. */
  readonly skip: number;
  readonly take: number;
}

interface Looked {
  readonly name: string;
  readonly view: string;
  readonly entity: string;
  readonly amount: string;
}

const shopDir = join(projectDir, "test", "shop");
const nexmarkDir = join(projectDir, "examples", "definitions-nexmark");
/** From here on as many people are active as ever will be. */
const NEXMARK_SKIP = 50_000;
const NEXMARK_HEADER = "position,kind,a,b,c,time,extra\n";
const NEXMARK_BASE_MS = 1_436_918_400_000;

const sets: readonly {
  readonly files: string;
  readonly map: string;
  readonly order: Stream["order"];
  looks: readonly Looked[];
}[] = [
  {
    files: "wiki-reader-sessions/events.csv.gz",
    map: "wiki-reader-sessions",
    order: "file",
    looks: [
      { name: "wiki readers", view: "user_activity", entity: "user_id", amount: "amount" },
      { name: "wiki pages", view: "item_popularity", entity: "item_id", amount: "amount" },
    ],
  },
  {
    files: "online-retail/*.csv",
    map: "online-retail",
    order: "file",
    looks: [
      { name: "retail customers", view: "user_activity", entity: "user_id", amount: "amount" },
      { name: "retail items", view: "item_popularity", entity: "item_id", amount: "amount" },
    ],
  },
  {
    files: "otto-mini/train.jsonl",
    map: "otto-mini",
    order: "event-time",
    looks: [
      { name: "otto sessions", view: "user_activity", entity: "user_id", amount: "amount" },
      { name: "otto articles", view: "item_popularity", entity: "item_id", amount: "amount" },
    ],
  },
];

const nexmarkLooks: readonly Looked[] = [
  { name: "Nexmark bidders", view: "bidders", entity: "person_id", amount: "price" },
  { name: "Nexmark auctions", view: "auctions", entity: "auction_id", amount: "price" },
];

/** The inputs that are there, one after the other, and a sentence for each that is not. */
export async function* openInputs({ dataDir, nexmarkPath, events }: BenchOptions): AsyncGenerator<Input | string> {
  for (const { files: pattern, map, order, looks } of sets) {
    const files = globSync(join(dataDir, pattern)).sort();
    const stream = { files, map, order, definitionsDir: shopDir, skip: 0, take: events };
    if (files.length > 0) yield* readInputs(stream, looks);
    else yield `Left out: ${map}, because ${join(dataDir, pattern)} is not there. --data DIR names the folder.`;
  }
  if (existsSync(nexmarkPath)) yield* generateNexmark(nexmarkPath, events);
  else yield `Left out: Nexmark, because ${nexmarkPath} is not there. --nexmark FILE names the program that writes it.`;
}

async function* generateNexmark(program: string, events: number): AsyncGenerator<Input> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  try {
    const file = join(folder, "nexmark.csv");
    const args = [program, String(NEXMARK_SKIP + events), "1", "100", String(NEXMARK_BASE_MS)];
    writeFileSync(file, NEXMARK_HEADER + execFileSync(process.execPath, args, { maxBuffer: 1 << 28 }).toString());
    const stream = { files: [file], map: "nexmark", order: "file", definitionsDir: nexmarkDir } as const;
    yield* readInputs({ ...stream, skip: NEXMARK_SKIP, take: events }, nexmarkLooks);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function* readInputs(stream: Stream, looks: readonly Looked[]): AsyncGenerator<Input> {
  const { features, eventSchema } = await loadDefinitions(stream.definitionsDir);
  const pipeline = compile(features, eventSchema);
  const mapPath = join(projectDir, "examples", "maps", `${stream.map}.yaml`);
  const { arrivals } = await openArrivals({
    input: openInput(stream.files.map((path) => ({ name: path, path }))),
    mapper: createMapper(readMapFile(stream.map, mapPath, pathOf(eventSchema, eventSchema.idColumn)), stream.files),
    schema: eventSchema,
    partitionKey: features.partitionKey,
    order: stream.order,
  });
  const records: KinesisStreamRecord[] = [];
  let seen = 0;
  for await (const arrival of arrivals) {
    if (++seen <= stream.skip) continue;
    records.push(toKinesisRecord(arrival, records.length));
    if (records.length === stream.take) break;
  }
  for (const { name, view, entity, amount } of looks) {
    const views = pipeline.views.filter((compiled) => compiled.name === view);
    yield { name, pipeline: { ...pipeline, views }, contribution: contributionOf(entity, amount), records };
  }
}

/** What the peer reads of an event's JSON; the fields have the names of their columns. */
function contributionOf(entity: string, amount: string): Contribution {
  return (event) => {
    // A seller opens an auction, and a person signs up, without a bid.
    if (event[entity] === undefined || (event.kind ?? "bid") !== "bid") return null;
    const timeMs = typeof event.event_time === "string" ? Date.parse(event.event_time) : Number(event.event_time);
    return { entity: String(event[entity]), timeMs, amount: Number(event[amount] ?? 0) };
  };
}
