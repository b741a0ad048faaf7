import { fits, listOf } from "./condition.ts";
import { type Condition, DefinitionError } from "./define.ts";
import type { Column, EventSchema } from "./schema.ts";

/** What the checks of definitions are made of: `where` names the view and the feature in every message. */

export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new DefinitionError(message);
}

export function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

export function onlyKeys(where: string, value: object, keys: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  demand(unknown === undefined, `${where}: unknown field "${unknown}": use ${keys.join(", ")}`);
}

export function columnOf(where: string, role: string, name: string | undefined, schema: EventSchema): Column {
  const column = schema.columns.find((candidate) => candidate.name === name);
  if (column === undefined)
    throw new DefinitionError(`${where}: ${role} names the unknown field "${name}"${known(schema)}`);
  return column;
}

export function checkCondition(
  where: string,
  role: string,
  condition: Condition | undefined,
  schema: EventSchema,
): void {
  for (const [name, value] of Object.entries(condition ?? {})) {
    const { type } = columnOf(where, role, name, schema);
    const values = listOf(value);
    demand(values.length > 0, `${where}: the condition on "${name}" lists no value and could never hold`);
    const wrong = values.find((one) => !fits(one, type));
    demand(
      wrong === undefined,
      `${where}: the condition on "${name}" could never hold, because the field is ${JSON.stringify(type)} and ${JSON.stringify(wrong)} is no such value`,
    );
  }
}

export function known(schema: EventSchema): string {
  return ` (known: ${schema.columns.map(({ name }) => name).join(", ")})`;
}
