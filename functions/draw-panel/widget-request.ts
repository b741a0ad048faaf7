import type { Frame } from "./frame.ts";

/** What a CloudWatch dashboard asks of a custom widget. */
export interface WidgetRequest {
  /** Whoever adds the widget by hand asks what it can do. */
  readonly describe: boolean;
  /** As the widget's `params` name it. */
  readonly panel: string;
  /** NaN where the dashboard told none. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly frame: Frame;
}

const WIDTH = { least: 240, usual: 480, most: 2400 };
const HEIGHT = { least: 120, usual: 240, most: 1600 };

/**
 * Every field may be missing or of another type: the widget's JSON is edited by hand, and AWS may change what it sends. Times and sizes that are none
 * become NaN and usual ones.
 */
export function readRequest(event: unknown): WidgetRequest {
  const context = at(event, "widgetContext");
  const chosen = at(context, "timeRange");
  // Who has zoomed into a chart wants to see all of them zoomed.
  const time = typeof at(chosen, "zoom") === "object" && at(chosen, "zoom") !== null ? at(chosen, "zoom") : chosen;
  const title = at(context, "title");
  return {
    describe: at(event, "describe") === true,
    panel: String(at(event, "panel") ?? "").slice(0, 100),
    fromMs: numberIn(at(time, "start")),
    toMs: numberIn(at(time, "end")),
    frame: {
      theme: at(context, "theme") === "dark" ? "dark" : "light",
      widthPx: within(at(context, "width"), WIDTH),
      heightPx: within(at(context, "height"), HEIGHT),
      titled: typeof title === "string" && title !== "",
      ...zoneIn(at(at(context, "timezone"), "offsetISO")),
    },
  };
}

/** `+02:00`, or UTC. */
function zoneIn(offset: unknown): Pick<Frame, "offsetMs" | "zone"> {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(String(offset)) ?? [];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60_000 : 60_000);
  return sign === undefined || offsetMs === 0 ? { offsetMs: 0, zone: "UTC" } : { offsetMs, zone: `UTC${offset}` };
}

function within(value: unknown, { least, usual, most }: typeof WIDTH): number {
  const px = numberIn(value);
  return px > 0 ? Math.round(Math.min(most, Math.max(least, px))) : usual;
}

function numberIn(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
