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

/** One text for one metric. */
export function metricKey({ namespace, name, dimensions }: MetricId): string {
  const pairs = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, name, ...pairs]);
}
