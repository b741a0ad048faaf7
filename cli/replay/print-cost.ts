import { number } from "../start/words.ts";

/** As report-replay says it. */
export interface Estimate {
  readonly atLeastSeconds: number;
  readonly dollars: number;
  readonly of: Readonly<Record<string, number>>;
  readonly without: readonly string[];
}

export function costLines({ atLeastSeconds, dollars, of, without }: Estimate): string {
  const posts = Object.entries(of).filter(([, some]) => some > 0);
  const made = posts.map(([post, some]) => `${post} $${some.toFixed(4)}`).join(", ");
  const lines = [
    `  takes              ${number(atLeastSeconds)} s at least, about $${dollars.toFixed(2)} at AWS' list prices`,
    ...(posts.length > 0 ? [`                     (${made})`] : []),
    ...without.map((what) => `  besides            ${what}`),
  ];
  return `${lines.join("\n")}\n`;
}
