/** What an object is when nobody said it, by its extension. */
import { extname } from "node:path";

const byExtension: ReadonlyMap<string, string> = new Map([
  [".csv", "text/csv"],
  [".gz", "application/gzip"],
  [".html", "text/html"],
  [".json", "application/json"],
  [".ndjson", "application/x-ndjson"],
  [".parquet", "application/vnd.apache.parquet"],
  [".txt", "text/plain"],
]);

export function contentTypeOf(key: string): string {
  return byExtension.get(extname(key)) ?? "binary/octet-stream";
}
