import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { StateKey } from "@millrace/engine";

/** How an item's key stands in the table. A key attribute cannot be empty, so the empty lane is "-". */
const NO_LANE = "-";

export function toItemKey({ view, entity, lane }: StateKey): {
  readonly pk: AttributeValue.SMember;
  readonly lane: AttributeValue.SMember;
} {
  return { pk: { S: `${view}#${entity}` }, lane: { S: lane === "" ? NO_LANE : lane } };
}

/** The lane of an item as the table has it. */
export function laneOf({ lane }: { readonly lane?: AttributeValue }): string {
  return lane?.S === undefined || lane.S === NO_LANE ? "" : lane.S;
}
