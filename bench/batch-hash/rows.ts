/** What is counted when a delivery fails: idempotency by the hash of the whole batch, against this pipeline. Numbers, not rates. */
import { columns } from "../../cli/start/words.ts";
import type { BenchOptions } from "../options.ts";
import { type Event, play, scenarios } from "./scenarios.ts";
import { batchHash, millrace, type Side } from "./sides.ts";

const USERS = 50;

export async function* batchHashRows({ quick }: Pick<BenchOptions, "quick">): AsyncGenerator<string> {
  const events = makeEvents(quick ? 300 : 1_000);
  const rows: string[][] = [];
  for (const scenario of scenarios) {
    const counted = [];
    for (const side of [batchHash, millrace]) counted.push(sumUp(await play(side, scenario, events), events));
    rows.push([scenario.name, String(events.length), ...counted]);
  }
  const header = ["views counted, and users with a wrong count", "expected", ...[batchHash, millrace].map(nameOf)];
  yield ["batch-hash: what is counted when a delivery of 100 records fails", ...columns([header, ...rows])].join(
    "\n  ",
  );
}

function nameOf({ name }: Side): string {
  return name;
}

function makeEvents(count: number): readonly Event[] {
  return Array.from({ length: count }, (_, i) => ({ user: `user-${(i * 7) % USERS}`, id: `event-${i}` }));
}

function sumUp(counted: ReadonlyMap<string, number>, events: readonly Event[]): string {
  const expected = new Map<string, number>();
  for (const { user } of events) expected.set(user, (expected.get(user) ?? 0) + 1);
  const total = [...counted.values()].reduce((sum, count) => sum + count, 0);
  const wrong = [...expected].filter(([user, count]) => counted.get(user) !== count).length;
  return `${total} (${wrong} wrong)`;
}
