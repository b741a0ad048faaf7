import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { EventSchema, Row } from "@millrace/engine";
import { projectDir } from "../cli/definitions.ts";

export interface Compiled {
  readonly eventSchema: EventSchema;
  readonly validate: (value: unknown) => string | null;
  readonly toRow: (value: unknown) => Row;
}

/** Imports generated source as Node would; below the project, so that it finds the engine. */
export async function importSource(source: string): Promise<Compiled> {
  const folder = mkdtempSync(join(projectDir, "node_modules", ".millrace-test-"));
  try {
    const file = join(folder, "event.ts");
    writeFileSync(file, source);
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Compiled;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first column that a view can be about. */
export function entityOf({ columns }: EventSchema): string {
  return columns.find(({ type, maxLength = Infinity }) => type === "string" && maxLength <= 256)?.name ?? "";
}
