/** event.schema.json in, everything that is derived from it out. Pure: files and folders are other people's business. */
import { type PlannedColumn, planColumns } from "./columns.ts";
import { emitEvent } from "./emit-event.ts";
import { typeNameOf } from "./emit-type.ts";
import { readSchema, type SchemaNode } from "./read-schema.ts";

export interface CompiledSchema {
  readonly root: SchemaNode;
  readonly title: string;
  readonly columns: readonly PlannedColumn[];
  /** The source of generated/event.ts. */
  readonly eventSource: string;
}

/** Throws a UserError for a schema that cannot be kept. */
export function compileSchema(text: string): CompiledSchema {
  const root = readSchema(text);
  const columns = planColumns(root);
  return { root, title: typeNameOf(root), columns, eventSource: emitEvent(root, columns) };
}
