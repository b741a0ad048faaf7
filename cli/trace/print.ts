import type { Position } from "@millrace/engine";
import { moment, named } from "../start/words.ts";
import { type Fate, isCounted, type RecordStory, type Story, type ViewStory } from "./story.ts";

/** A story as text for people. */
export function printStory({ eventId, records, alerts }: Story, place: string): string {
  if (records.length === 0)
    return `No record on file carries ${eventId}, in ${place}. What came less than a delivery's buffer ago (15 minutes at most) is not in the archive yet; --days widens the search.\n`;
  const lines = [
    `Event ${eventId}, in ${place}: ${records.length === 1 ? "one record" : `${records.length} records`}`,
    ...records.flatMap((record, i) => ["", ...printRecord(record, i + 1)]),
    "",
    ...summary(records),
    ...alerts.map(
      ({ id, noted }) =>
        `Alert ${id}: its window holds the event${noted === null ? "" : noted ? ", and it went out" : ", and no note says that it went out"}.`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function printRecord({ record, decoded, raw, rows, quarantine, failed, views }: RecordStory, number: number) {
  const { event } = decoded;
  const about: [name: string, text: string][] = [
    ["position", positionText(record.position)],
    ["arrived", `${moment(iso(record.arrivalMs))}, partition key ${record.partitionKey}`],
    ["verdict", decoded.kind === "event" ? "accepted" : `${decoded.rejection.reason}: ${decoded.rejection.detail}`],
  ];
  if (event !== null) about.splice(2, 0, ["happened", moment(iso(event.timeMs))]);
  for (const { object, line } of raw) about.push(["raw", line === null ? object : `${object}, line ${line}`]);
  for (const { object, verdict, version } of rows)
    about.push(["lake", `${object}: ${verdict}, pipeline version ${version}`]);
  if (rows.length === 0) about.push(["lake", "no row"]);
  for (const { object, reason, view, attempt } of quarantine)
    about.push(["quarantine", `${object}: ${reason}${view === null ? "" : ` (${view})`}, attempt ${attempt}`]);
  for (const object of failed) about.push(["failed batch", object]);
  for (const story of views) about.push([story.view, viewText(story)]);
  return [`Record ${number}`, ...named(about).map((line) => `  ${line}`)];
}

function viewText({ entity, lane, fate }: ViewStory): string {
  const whose = entity === null ? "" : `${entity}${lane === "" ? "" : ` (lane ${lane})`}: `;
  return `${whose}${fateText(fate)}`;
}

function fateText(fate: Fate): string {
  switch (fate.kind) {
    case "counted":
      return "counted";
    case "duplicate":
      return `recognised as the same event as at ${positionText(fate.of)}, and not counted again`;
    case "quarantined":
      return `not counted: ${fate.reason}`;
    case "not_matching":
      return "of no concern to it";
    case "not_accepted":
      return "not counted, as the verdict says";
    case "no_item":
      return "there is no item: it has expired or was lost, or the record was not reached yet";
    case "not_reached":
      return "not counted yet: the item's mark stands before it";
    case "repaired":
      return `counted: given up at first, repaired by replay ${fate.by.execution} (${fate.by.report})`;
    case "failed":
      return "in a batch that was given up: its item lacks it, and no report of a replay since says that it was put in. npm run replay -- --source failed --target features makes sure; done twice it changes nothing";
  }
}

/** Last what a customer asks: of one event no view counts a second record, since its mark or its fingerprint tells them apart. */
function summary(records: readonly RecordStory[]): readonly string[] {
  const views = records[0]?.views.map(({ view }) => view) ?? [];
  const tallies = views.map((view) => {
    const fates = records.flatMap((record) => record.views.filter((story) => story.view === view));
    const counted = fates.filter(({ fate }) => isCounted(fate)).length;
    return { view, counted, isOpen: fates.some(({ fate }) => fate.kind === "failed") };
  });
  const several = tallies.filter(({ counted }) => counted > 1);
  return [
    ...tallies.map(({ view, counted, isOpen }) => `${view} counted it ${timesText(counted, isOpen)}.`),
    several.length === 0
      ? "Counted twice? No."
      : `Counted twice? No: ${several.map(({ view }) => view).join(", ")} counted different events with one id, each once.`,
  ];
}

function timesText(counted: number, isOpen: boolean): string {
  if (counted > 1) return `${counted} times: these are different events with one id`;
  if (counted === 1) return "once";
  return isOpen ? "not at all, or once: see the batch that was given up" : "not at all";
}

function positionText({ shard, sequence, subSequence }: Position): string {
  return `${shard} ${sequence}${subSequence === 0 ? "" : `.${subSequence}`}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
