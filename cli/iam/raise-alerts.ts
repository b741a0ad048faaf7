/** Events that make the definitions' first alert over a count ring for several entities, twice within its window. */
import type { Threshold } from "@millrace/engine";
import type { Runtime } from "../../local/runtime.ts";
import { fromCondition, vocabularyOf } from "../chaos/vocabulary.ts";
import type { Definitions } from "../definitions.ts";

const ENTITIES = 2;
const NAME = "alerted-";

/** Whether it is one of those for whom alerts were raised. */
export function isAlerted(entity: string): boolean {
  return entity.startsWith(NAME);
}
/** Until the events of before are folded, and far less than a window. */
const PAUSE_MS = 6_000;

export async function raiseAlerts(runtime: Runtime, definitions: Definitions): Promise<void> {
  const counted = countedAlert(definitions);
  if (counted === null) return;
  const { threshold, where } = counted;
  const { eventSchema } = definitions;
  const vocabulary = vocabularyOf(definitions);
  const values = Object.fromEntries([...vocabulary.choices].map(([column, [first = null]]) => [column, first]));
  for (const [column, wanted] of Object.entries(where)) {
    const type = eventSchema.columns.find(({ name }) => name === column)?.type ?? "string";
    values[column] = fromCondition(type, Array.isArray(wanted) ? wanted[0] : wanted);
  }
  const stream = runtime.stream("EventStream");
  let number = 0;
  const put = (entity: number): void => {
    const key = `${NAME}${entity}`;
    const fact = { id: `alerted-${++number}`, key, timeMs: runtime.clock.now(), values };
    stream.put({ partitionKey: key, data: Buffer.from(JSON.stringify(vocabulary.write(fact, 0))) });
  };
  const entities = Array.from({ length: ENTITIES }, (_, entity) => entity);
  for (const entity of entities) for (let more = 0; more <= threshold.value; more++) put(entity);
  await runtime.advanceTo(runtime.clock.now() + PAUSE_MS);
  // What rang is looked up, and not raised again.
  for (const entity of entities) put(entity);
  await runtime.drain();
}

/** Whether a run raises any. */
export function countedAlert({ alerts, features }: Definitions) {
  for (const { view: name, anyOf } of alerts.alerts) {
    const view = features.views.find((one) => one.name === name);
    for (const spec of view?.features ?? []) {
      if (spec.kind !== "count") continue;
      const threshold = anyOf.find(({ feature }: Threshold) => feature.startsWith(`${spec.name}_`));
      if (threshold !== undefined) return { threshold, where: { ...view?.where, ...spec.where } };
    }
  }
  return null;
}
