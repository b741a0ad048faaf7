import type { AlarmFigures } from "./alarms.ts";
import { columns, moment, plural } from "./words.ts";

const SHOWN_RINGS = 8;

/** One line when all was well; else a line per ring, and CloudWatch's reason under it. */
export function printAlarms({ watched, rang }: AlarmFigures): string[] {
  if (watched === 0) return [];
  if (rang.length === 0) return [`Alarms: none of the template's ${watched} rang.`];
  const rung = new Set(rang.map(({ alarm }) => alarm)).size;
  const rows = rang.slice(0, SHOWN_RINGS).flatMap(({ alarm, description, from, to, reason }) => {
    const until = to === null ? "and rings still" : `until ${moment(to)}`;
    return [...columns([[`  ${alarm}`, `${moment(from)} ${until}`]]), `    ${description}`, `    ${reason}`];
  });
  return [
    `Alarms: ${plural(rung, "alarm")} of the template's ${watched} rang`,
    ...rows,
    ...(rang.length > SHOWN_RINGS
      ? [`  … and ${rang.length - SHOWN_RINGS} times more; the report as JSON has them all`]
      : []),
  ];
}
