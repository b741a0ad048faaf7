/** The evidence that a finished `npm start` left in its folder: the objects, asked as Athena would, and the items as they stood. */
import { createReadStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { readCatalog } from "../../local/athena/catalog.ts";
import { createQueryEngine } from "../../local/athena/query-engine.ts";
import { pathOf } from "../../local/s3/key.ts";
import { createObjectStore } from "../../local/s3/store.ts";
import { loadTemplate } from "../../local/template/load.ts";
import type { ProjectTemplate } from "../dev/project.ts";
import { readItems } from "../start/write-items.ts";
import { UserError } from "../user-error.ts";
import { type Evidence, type StoredItem, writtenEvidence } from "./evidence.ts";

/** Everybody may read one's own files. */
const OWNER = { refusal: () => null, demand() {} };

export async function runEvidence(folder: string, project: ProjectTemplate): Promise<Evidence> {
  if (!existsSync(join(folder, "report.json")))
    throw new UserError(`There is no finished run in ${folder}. Run npm start first, or give its folder with --out.`);
  const { asOf } = JSON.parse(await readFile(join(folder, "report.json"), "utf8")) as { asOf: string };
  const template = loadTemplate(project);
  const objects = createObjectStore(folder, { now: () => Date.parse(asOf) });
  for (const { name } of template.of("AWS::S3::Bucket")) await objects.createBucket(name);
  const { account } = template;
  const engine = createQueryEngine({ objects, rootDir: folder, catalog: readCatalog(template), account, seed: 1 });
  const database = template.physicalId("LakeDatabase");
  const items = await readItems(folder);
  let queries = 0;
  async function* textsBelow(bucket: string, prefix: string) {
    for (const { key } of await objects.list(bucket, prefix))
      yield { object: `s3://${bucket}/${key}`, text: String(await objects.get(bucket, key)) };
  }
  return {
    place: folder,
    async query(sql) {
      const { columns, rows } = await engine.run({
        id: `trace-${++queries}`,
        ...{ sql, database, principal: OWNER, nowMs: Date.parse(asOf), scanLimitBytes: null },
      });
      return rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null])));
    },
    lines({ bucket, key }) {
      const bytes = createReadStream(pathOf(folder, bucket, key));
      return createInterface({ input: key.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes });
    },
    async items(view, entity): Promise<readonly StoredItem[]> {
      return items.filter((item) => item.view === view && item.entity === entity);
    },
    ...writtenEvidence(textsBelow, (logicalId) => template.physicalId(logicalId)),
    wasRaised: async () => null,
    close: () => engine.close(),
  };
}
