/**
 * A change breaks what is already stored or what producers already send: files of the lake keep the columns they were written
 * with, and events that were accepted yesterday are still on their way.
 */
import type { Lake } from "./lake.ts";

/** One sentence per breaking change from the earlier definitions to the later; none when every reader and producer goes on. */
export function breakingChanges(before: Lake, after: Lake): readonly string[] {
  const columns = new Map(after.columns.map((column) => [column.name, column]));
  const required = new Set(before.requiredFields);
  const removedOrRetyped = before.columns.flatMap(({ name, type }) => {
    const now = columns.get(name);
    if (now === undefined) return [`the column ${name} (${type}) is removed`];
    return now.type === type ? [] : [`the column ${name} changes its type from ${type} to ${now.type}`];
  });
  const newlyRequired = after.requiredFields
    .filter((path) => !required.has(path))
    .map((path) => `the field ${path} becomes required`);
  const partitions = [before, after].map((lake) => lake.partitions.map(({ name }) => name).join(", ") || "none");
  const moved =
    partitions[0] === partitions[1]
      ? []
      : [`the partition keys besides dt and hour change from ${partitions[0]} to ${partitions[1]}`];
  return [...removedOrRetyped, ...newlyRequired, ...moved];
}
