import type { Event } from "./decode.ts";
import { comparePositions } from "./position.ts";

/**
 * One entity's events in an order in which the stream can have delivered them, a position once. Inside a shard that is the order of
 * positions. Between shards it is arrival, as far as it is known of what came before; but a shard that begins where one of a lower
 * number ends, within the slack, is its child after a reshard (children have higher numbers), and comes after it.
 */
export function inStreamOrder(events: readonly Event[], slackMs: number): readonly Event[] {
  const shards = byShard(events).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (shards.length === 1) return (shards[0] as Shard).events;
  const ended: { readonly lastMs: number; readonly atMs: number }[] = [];
  const placed = shards.flatMap(({ events, firstMs, lastMs }, rank) => {
    const parents = ended.filter((shard) => firstMs >= shard.lastMs - slackMs);
    let atMs = Math.max(firstMs, ...parents.map((shard) => shard.atMs));
    const own = events.map((event) => {
      atMs = Math.max(atMs, event.record.arrivalMs);
      return { event, atMs, rank };
    });
    ended.push({ lastMs, atMs });
    return own;
  });
  // The sort is stable, so events of one shard stay in their order.
  return placed.sort((a, b) => a.atMs - b.atMs || a.rank - b.rank).map(({ event }) => event);
}

interface Shard {
  readonly name: string;
  /** By position. */
  readonly events: readonly Event[];
  readonly firstMs: number;
  readonly lastMs: number;
}

function byShard(events: readonly Event[]): Shard[] {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const { shard } = event.record.position;
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [event]);
    else group.push(event);
  }
  return [...groups].map(([name, group]) => {
    const sorted = group.sort((a, b) => comparePositions(a.record.position, b.record.position));
    const once = sorted.filter((event, i) => {
      const before = sorted[i - 1];
      return before === undefined || comparePositions(before.record.position, event.record.position) !== 0;
    });
    let firstMs = Number.POSITIVE_INFINITY;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const { record } of once) {
      firstMs = Math.min(firstMs, record.arrivalMs);
      lastMs = Math.max(lastMs, record.arrivalMs);
    }
    return { name, events: once, firstMs, lastMs };
  });
}
