/** The lake of `test/shop` on Athena: the tables of the pipeline's own template, with objects as the pipeline writes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { toRawLine } from "@millrace/aws";
import { compile, decode, type Pipeline, type Rejection, type StreamRecord, toCuratedRow } from "@millrace/engine";
import { projectDir } from "../cli/definitions.ts";
import { type Lake, PIPELINE_COLUMNS } from "../cli/schema/lake.ts";
import { spliceTemplate } from "../cli/schema/splice.ts";
import { toQuarantineRow } from "../layers/aws/quarantine-row.ts";
import { createConversion } from "../local/firehose/conversion.ts";
import { writeParquet } from "../local/firehose/parquet.ts";
import { type LocalAthena, openAthena } from "./local-athena.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { shopDir } from "./shop.ts";

export const pipeline: Pipeline = compile(features, eventSchema);

export interface LakeAthena extends LocalAthena {
  /** Lays records into raw, what can be decoded into curated, and what cannot be used into quarantine. */
  deliver(records: readonly StreamRecord[], pipelineVersion?: number): Promise<void>;
  quarantine(rejections: readonly Rejection[]): Promise<void>;
}

const lake = JSON.parse(readFileSync(join(shopDir, "generated", "lake.json"), "utf8")) as Lake;
const template = readFileSync(join(projectDir, "template.yaml"), "utf8");

/** `nowMs`: the runtime's clock, which says which partitions there are. */
export async function openLake({ nowMs }: { readonly nowMs: number }): Promise<LakeAthena> {
  const templateText = spliceTemplate(template, { lake, metrics: { metrics: [] } });
  const athena = await openAthena({ templateText, nowMs, workGroup: "athena-workgroup", database: "millrace" });
  const table = { databaseName: "millrace", name: "curated", columns: [...lake.columns, ...PIPELINE_COLUMNS] };
  const settings = { caseInsensitive: true, dotsToUnderscores: false, keyOfColumn: {} };
  const { columns, convert } = createConversion("curated", settings as Parameters<typeof createConversion>[1], table);
  let objects = 0;

  const quarantine = async (rejections: readonly Rejection[]): Promise<void> => {
    const byDay = Object.groupBy(rejections, ({ record }) => isoTime(record.arrivalMs).slice(0, 10));
    for (const [day, rows = []] of Object.entries(byDay))
      await athena.put(
        "lake",
        `quarantine/dt=${day}/${++objects}.gz`,
        gzipSync(Buffer.concat(rows.map((row) => toQuarantineRow(row)))),
      );
  };
  return {
    ...athena,
    quarantine,
    async deliver(records, pipelineVersion = 1) {
      const decoded = records.map((record) => decode(pipeline, record));
      for (const [hour, inHour = []] of Object.entries(Object.groupBy(records, ({ arrivalMs }) => folderOf(arrivalMs))))
        await athena.put("raw", `raw/${hour}/${++objects}.gz`, gzipSync(inHour.map(toRawLine).join("")));
      const rows = decoded.flatMap((one) => {
        const row = toCuratedRow(pipeline, one, pipelineVersion);
        const converted = row === null ? null : convert(Buffer.from(JSON.stringify(row)));
        if (converted?.kind === "failure") throw new Error(`${converted.code}: ${converted.message}`);
        return converted === null || one.event === null
          ? []
          : [{ line: converted.line, hour: folderOf(one.event.timeMs) }];
      });
      for (const [hour, inHour = []] of Object.entries(Object.groupBy(rows, (row) => row.hour))) {
        const lines = inHour.map(({ line }) => line);
        await athena.put(
          "lake",
          `curated/${hour}/${++objects}`,
          await writeParquet({ columns, compression: "SNAPPY" }, lines),
        );
      }
      await quarantine(decoded.flatMap((one) => (one.kind === "event" ? [] : [one.rejection])));
    },
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function folderOf(ms: number): string {
  return `dt=${isoTime(ms).slice(0, 10)}/hour=${isoTime(ms).slice(11, 13)}`;
}
