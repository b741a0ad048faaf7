export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A moment (epoch ms) as a literal of the type that the lake's times have. */
export function timestamp(ms: number): string {
  return `TIMESTAMP '${new Date(ms).toISOString().replace("T", " ").replace("Z", "")}'`;
}

/** The day of a moment (epoch ms, UTC), as partitions are called. */
export function day(ms: number): string {
  return quoteText(new Date(ms).toISOString().slice(0, 10));
}
