/** SAM's Globals: maps are merged, lists joined (the global items first), anything else is overridden by the function's own. */
import { entryOf, type SourceEntry, type SourceMap, type SourceNode } from "./source.ts";
import { TemplateError } from "./template-error.ts";

const notAllowed = ["Policies", "Role", "Events", "FunctionName", "Metadata"];

/** The globals of functions; other globals and what SAM does not allow there are refused. */
export function globalsOf(file: string, template: SourceMap): SourceMap | undefined {
  const globals = entryOf(template, "Globals")?.value;
  for (const [name, { line }] of globals?.kind === "map" ? globals.entries : []) {
    if (name !== "Function") {
      throw new TemplateError(file, line, `The local runtime knows Globals for Function only, got ${name}.`);
    }
  }
  const functions = entryOf(globals, "Function")?.value;
  for (const name of notAllowed) {
    const entry = entryOf(functions, name);
    if (entry === undefined) continue;
    throw new TemplateError(file, entry.line, `SAM does not take ${name} in Globals: write it at each function.`);
  }
  return functions?.kind === "map" ? functions : undefined;
}

export function mergeGlobals(
  type: string,
  globals: SourceMap | undefined,
  own: SourceMap | undefined,
  line: number,
): SourceMap {
  const properties: SourceMap = own ?? { kind: "map", line, entries: new Map() };
  if (type !== "AWS::Serverless::Function" || globals === undefined) return properties;
  return merge(globals, properties) as SourceMap;
}

function merge(base: SourceNode, own: SourceNode): SourceNode {
  if (base.kind === "list" && own.kind === "list") return { ...own, items: [...base.items, ...own.items] };
  if (base.kind !== "map" || own.kind !== "map") return own;
  const entries = new Map<string, SourceEntry>(base.entries);
  for (const [key, entry] of own.entries) {
    const inherited = base.entries.get(key);
    entries.set(key, inherited === undefined ? entry : { ...entry, value: merge(inherited.value, entry.value) });
  }
  return { ...own, entries };
}
