/** Figures as people read them. */
import type { Unit } from "./chart.ts";

export function inUnit(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "–";
  switch (unit) {
    case "count":
      return value.toLocaleString("en-GB", { maximumFractionDigits: 0 });
    case "perSecond":
      // A quiet stream has one event in minutes.
      return `${value.toLocaleString("en-GB", value < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 1 })}/s`;
    case "amount":
      return value.toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) < 1000 ? 2 : 0 });
    case "share":
      return `${(value * 100).toLocaleString("en-GB", { maximumFractionDigits: 1 })} %`;
    case "milliseconds":
      return duration(value);
    case "bytes":
      return bytes(value);
  }
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toLocaleString("en-GB", { maximumFractionDigits: 1 })} s`;
  if (ms < 3_600_000) return `${(ms / 60_000).toLocaleString("en-GB", { maximumFractionDigits: 1 })} min`;
  return `${(ms / 3_600_000).toLocaleString("en-GB", { maximumFractionDigits: 1 })} h`;
}

export function bytes(size: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, size)) / 10));
  return `${(size / 1024 ** power).toLocaleString("en-GB", { maximumFractionDigits: power === 0 ? 0 : 1 })} ${["B", "KB", "MB", "GB"][power]}`;
}

/** In UTC, as the pipeline's windows are. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `shardId-000000000003` is shard 3. */
export function shardInWords(id: string): string {
  return id.replace(/^shardId-0*(\d)/, "shard $1");
}

/** The name of a column or a measure. */
export function inWords(name: string): string {
  return name.replaceAll("_", " ").trim();
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
