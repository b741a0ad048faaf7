/** What a metric is called: its namespace, its name, and dimensions, whose order does not matter. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** The units that CloudWatch knows. */
export const units: ReadonlySet<string> = new Set([
  "None",
  ..."Count Percent Seconds Microseconds Milliseconds Count/Second".split(" "),
  ...["Bytes", "Bits"].flatMap((unit) =>
    ["", "Kilo", "Mega", "Giga", "Tera"].flatMap((size) => {
      const sized = size === "" ? unit : size + unit.toLowerCase();
      return [sized, `${sized}/Second`];
    }),
  ),
]);

/** One text for one metric. An alarm asks for the same one every minute, so it is made once. */
export function metricKey(metric: MetricId): string {
  const known = keys.get(metric);
  if (known !== undefined) return known;
  const pairs = Object.entries(metric.dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify([metric.namespace, metric.name, ...pairs]);
  keys.set(metric, key);
  return key;
}

const keys = new WeakMap<MetricId, string>();
