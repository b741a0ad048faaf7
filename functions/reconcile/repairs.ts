import type { Finding, RepairOfTheLake } from "./finding.ts";

/** What puts findings right: the input of the replay machine, and the same as a command. */
export interface Repair {
  readonly input: Readonly<Record<string, unknown>>;
  readonly command: string;
}

export interface RepairContext {
  /** By which the commands find their machine: `--stack NAME`, or on the local runtime `--endpoint URL`. */
  readonly place: string;
  /** Names the replay, so that one of the same range that was done before does not stand in its way. */
  readonly execution: string;
  /** What was looked at (ISO 8601): the time whose entities are recomputed. */
  readonly from: string;
  readonly to: string;
}

const HOUR_MS = 3_600_000;

/**
 * The lake first, since features and metrics are recomputed from its rows: out of the stream, out of the archive, and what Firehose kept as errors. Hours that
 * follow each other are one repair; where there are many holes, one
 * repair spans them: what is there already is not changed by it.
 */
export function repairsFor(findings: readonly Finding[], context: RepairContext): readonly Repair[] {
  const diverging = findings.filter(({ weight }) => weight === "divergence");
  const hoursOf = (wanted: RepairOfTheLake | "metrics") => {
    const hours = diverging.flatMap(({ repair, hourMs }) => (repair === wanted && hourMs !== null ? [hourMs] : []));
    return runsOf([...new Set(hours)].sort((a, b) => a - b));
  };
  const put = (source: string, target: string, runs: ReturnType<typeof runsOf>) =>
    runs.map(([from, to]) => repairOf({ source, target, from: iso(from), to: iso(to) }, context));
  const views = [...new Set(diverging.flatMap(({ view }) => (view === undefined ? [] : [view])))];
  return [
    ...put("stream", "curated", hoursOf("stream")),
    ...put("archive", "curated", hoursOf("rows")),
    ...put("errors", "curated", hoursOf("errors")),
    ...views.flatMap((view) =>
      howToRepair(diverging.filter((finding) => finding.view === view)).map((how) =>
        repairOf(
          { ...how, target: "features", from: context.from, to: context.to, view: withoutVersion(view) },
          context,
        ),
      ),
    ),
    ...put("archive", "metrics", hoursOf("metrics")),
  ];
}

/** Items that are not there are made from nothing, and all else with them. */
function howToRepair(findings: readonly Finding[]): readonly Readonly<Record<string, string>>[] {
  const wanted = new Set(findings.map(({ repair }) => repair));
  if (wanted.has("lost items")) return [{ source: "archive", raise: "latest" }];
  return [
    ...(wanted.has("failed batches") ? [{ source: "failed" }] : []),
    ...(wanted.has("features") ? [{ source: "archive" }] : []),
  ];
}

/** A replay names views as their definitions do. */
function withoutVersion(view: string): string {
  return view.replace(/@\d+$/, "");
}

/** More commands than these nobody wants to type. */
const MOST_RUNS = 5;

function runsOf(hours: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const hour of hours) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === hour) last[1] = hour + HOUR_MS;
    else runs.push([hour, hour + HOUR_MS]);
  }
  const [first, last] = [runs[0], runs.at(-1)];
  return runs.length > MOST_RUNS && first !== undefined && last !== undefined ? [[first[0], last[1]]] : runs;
}

function repairOf(request: Readonly<Record<string, string>>, { place, execution }: RepairContext): Repair {
  // As long as a replay's name may be; the execution's own end tells it apart.
  const input = { ...request, name: execution.replace(/[^A-Za-z0-9_-]/g, "-").slice(-40) };
  const options = Object.entries(input).map(([name, value]) => `--${name} ${value}`);
  return { input, command: `npm run replay -- ${place} ${options.join(" ")}` };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
