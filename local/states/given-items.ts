/** The items of a Map that come out of the state's input or its `Items`: those of a list, or the fields of an object. */
import type { MapState } from "./definition.ts";
import { isMap, type Json } from "./json.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";

export interface Item {
  readonly value: Json;
  /** Of a field of an object. */
  readonly key?: string;
  /** Of a distributed Map: the object that it was read from, or where the listing was made. */
  readonly source?: string;
}

export async function givenItems({ Items }: MapState, strand: Strand): Promise<readonly Item[]> {
  const items = await strand.value(Items ?? strand.input, "Items");
  if (Array.isArray(items)) return items.map((value: Json) => ({ value }));
  if (isMap(items)) return Object.entries(items).map(([key, value]) => ({ key, value }));
  const message = `Items: a Map needs a list or an object, got ${JSON.stringify(items)}.`;
  throw new StateError("States.QueryEvaluationError", message);
}

/** What an iteration is given where nothing is selected. */
export function inputOf({ key: Key, value }: Item): Json {
  return Key === undefined ? value : { Key, Value: value };
}
