/** Figures as people read them. */
const DAY = 86_400_000;
const UNITS = [
  { ms: DAY, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
  { ms: 1_000, name: "s" },
] as const;

/** By digits after the point. Making one takes a fifth of a millisecond, and progress is told often. */
const formats = new Map<number, Intl.NumberFormat>();

export function number(value: number, digits = 0): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = formats.get(digits) ?? new Intl.NumberFormat("en-US", options);
  formats.set(digits, format);
  return format.format(value);
}

export function percent(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (part / whole) * 100;
  return `${number(share, share === 0 || share === 100 ? 0 : share < 10 || share > 90 ? 2 : 0)} %`;
}

/** 1.4 s, 90 s as 1.5 min, 60 s as 1 min. */
export function duration(ms: number): string {
  const unit = UNITS.find((candidate) => ms >= candidate.ms);
  if (unit === undefined) return `${number(ms)} ms`;
  return `${Number((ms / unit.ms).toFixed(1))} ${unit.name}`;
}

export function bytes(size: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, size)) / 10));
  return `${number(size / 1024 ** power, power === 0 || size / 1024 ** power >= 100 ? 0 : 1)} ${["B", "KB", "MB", "GB"][power]}`;
}

/** `2026-03-01 23:59:58` in UTC. */
export function moment(iso: string): string {
  return iso.slice(0, 19).replace("T", " ");
}

export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;
}

/** Columns under each other: the first to the left, the rest to the right, two spaces between. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}

/** Names and what belongs to them, both to the left. */
export function named(rows: readonly (readonly [name: string, text: string])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
}
