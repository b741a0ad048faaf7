/** The metrics table, in all widths of windows, and the ledger. */
import { LEDGER, type Metric, type MetricWindow, readMetric } from "@millrace/engine";
import { type NaiveWindow, naiveLedger, naiveMetric, seenByMetrics } from "./naive/metrics.ts";
import { type Differences, differ, type Outcome } from "./outcome.ts";

export function metricDifferences(outcome: Outcome): Differences {
  const { definitions, expected, tumblingMs } = outcome;
  const seen = seenByMetrics(expected.verdicts, tumblingMs);
  return definitions.metrics.metrics.flatMap((metric) =>
    metric.windows.flatMap(({ sizeMs: stepMs }) => {
      const wanted = naiveMetric(metric, seen, stepMs, definitions.eventSchema);
      const got = windowsOf(outcome, rowName(metric), stepMs);
      return metricWindowDifferences(`${rowName(metric)} by ${stepMs / 1000} s`, metric, wanted, got);
    }),
  );
}

function windowsOf({ metrics, found }: Outcome, name: string, stepMs: number): readonly MetricWindow[] {
  return readMetric(metrics, name, found.metricRows.get(name) ?? [], { stepMs });
}

function rowName({ name, version = 1 }: Metric): string {
  return version === 1 ? name : `${name}@${version}`;
}

const usualLimit = 50;

export function metricWindowDifferences(
  where: string,
  { limit = usualLimit }: Metric,
  wanted: readonly NaiveWindow[],
  got: readonly Pick<MetricWindow, "startMs" | "groups">[],
): Differences {
  const windows = new Map(got.map((window) => [window.startMs, window]));
  const strangers = got.filter(({ startMs }) => !wanted.some((window) => window.startMs === startMs));
  return [
    ...strangers.flatMap(({ startMs }) =>
      differ(`${where}, ${new Date(startMs).toISOString()}`, "no window", "a window"),
    ),
    ...wanted.flatMap(({ startMs, groups }) => {
      const found = windows.get(startMs)?.groups ?? [];
      // Which groups are told one by one beyond the limit is a matter of hashes.
      if (groups.length > limit) return [];
      const place = `${where}, ${new Date(startMs).toISOString()}`;
      const keys = (list: readonly { readonly by: object }[]) => list.map(({ by }) => JSON.stringify(by)).sort();
      return [
        ...differ(`${place}: groups`, keys(groups), keys(found)),
        ...groups.flatMap(({ by, values }) => {
          const group = found.find((one) => JSON.stringify(one.by) === JSON.stringify(by));
          return Object.entries(values).flatMap(([name, value]) =>
            value === undefined ? [] : differ(`${place}, ${JSON.stringify(by)}: ${name}`, value, group?.values[name]),
          );
        }),
      ];
    }),
  ];
}

const hourMs = 3_600_000;

export function ledgerDifferences(outcome: Outcome): Differences {
  const wanted = naiveLedger(outcome.placed, hourMs);
  const got = new Map<string, readonly unknown[]>(
    windowsOf(outcome, LEDGER, hourMs).flatMap(({ startMs, groups }) =>
      groups.map(({ by, values }) => [`${startMs} ${by._shard}`, ledgerValues.map((name) => values[name])] as const),
    ),
  );
  return [...new Set([...wanted.keys(), ...got.keys()])].flatMap((key) => differ(key, wanted.get(key), got.get(key)));
}

const ledgerValues = ["records", "bytes", "first", "last", "checksum"];
