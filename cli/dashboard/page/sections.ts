/** Every part of the page but the charts and the look-up. */
import { bytes, type Figure, inUnit, moment, type Ranking } from "@millrace/charts";
import type { Alarm, Alert, FaultButton, LakeFiles, Snapshot } from "../snapshot.ts";
import { byId, element } from "./element.ts";

export function showFigures(figures: readonly Figure[]): void {
  byId("figures").replaceChildren(
    ...figures.map(({ id, label, value, unit, tone = "", note }) => {
      const told = element("dd", { id: `figure-${id}` }, inUnit(value, unit));
      if (note !== undefined) told.append(element("small", {}, note));
      return element("div", { class: value === null || value === 0 ? "" : tone }, element("dt", {}, label), told);
    }),
  );
}

export function showRankings(rankings: readonly Ranking[]): void {
  byId("rankings").replaceChildren(
    ...rankings.map(({ title, bars, empty }) => {
      const card = element("figure", {}, element("h3", {}, title));
      if (bars.length === 0) card.append(element("p", { class: "empty" }, empty));
      else card.append(element("ol", { class: "bars" }, ...bars.map(showBar)));
      return card;
    }),
  );
}

function showBar({ label, count, share }: Ranking["bars"][number]): HTMLElement {
  const told = `${inUnit(count, "count")} · ${inUnit(share, "share")}`;
  const style = `--share: ${Math.min(100, share * 100).toFixed(2)}%`;
  return element("li", { style }, element("span", {}, label), element("span", {}, told));
}

export function showAlerts(alerts: readonly Alert[] | null): void {
  byId("alerts-section").hidden = alerts === null;
  const none = element("p", { class: "note" }, "No condition over features was met.");
  const cards = (alerts ?? []).map(({ name, entity, view, atMs }) =>
    element(
      "div",
      { class: "card alarm ringing" },
      element("h3", {}, `${name.replaceAll("_", " ")}: ${entity}`),
      element("p", { class: "note" }, `${view.replaceAll("_", " ")}, published at ${moment(atMs)}`),
    ),
  );
  byId("alerts").replaceChildren(...(cards.length === 0 ? [none] : cards));
}

export function showAlarms(alarms: readonly Alarm[]): void {
  const none = element("p", { class: "note" }, "No alarm rang.");
  const cards = alarms.map(({ name, description, state, sinceMs, reason }) =>
    element(
      "div",
      { class: `card alarm ${state}` },
      element("h3", {}, `${name}: ${state === "ringing" ? "rings since" : "rang at"} ${moment(sinceMs)}`),
      element("p", {}, description),
      element("p", { class: "note" }, reason),
    ),
  );
  byId("alarms").replaceChildren(...(cards.length === 0 ? [none] : cards));
}

export function showReconciliation(reconciled: Snapshot["reconciliation"]): void {
  byId("reconciliation-section").hidden = reconciled === null;
  if (reconciled === null) return;
  const { holds, checks, findings, advice } = reconciled;
  const verdict = holds ? "It adds up." : "It does not add up.";
  const rows = checks.map(({ holds: ok, promise, compared, diverging }) =>
    element(
      "tr",
      {},
      element("td", {}, ok ? "ok" : "NO"),
      element("td", {}, promise),
      element("td", { class: "n" }, `${inUnit(diverging, "count")} of ${inUnit(compared, "count")} apart`),
    ),
  );
  byId("reconciliation").replaceChildren(
    element("p", { class: "note" }, verdict),
    element("table", {}, ...rows),
    ...findings.map((finding) => element("p", {}, finding)),
    ...(advice === null ? [] : [element("p", {}, advice)]),
  );
}

export function showFiles({ newest, totalFiles, totalBytes }: LakeFiles): void {
  byId("files-total").textContent =
    totalFiles === 0
      ? "No file yet: Firehose gathers records for a while before it writes one."
      : `${inUnit(totalFiles, "count")} files, ${bytes(totalBytes)}; the newest:`;
  const head = element(
    "tr",
    {},
    ...["File", "Rows", "Size", "Written"].map((name, i) =>
      element("th", { scope: "col", ...(i === 1 || i === 2 ? { class: "n" } : {}) }, name),
    ),
  );
  const rows = newest.map(({ key, rows: count, sizeBytes, modifiedMs }) =>
    element(
      "tr",
      {},
      element("td", {}, key),
      element("td", { class: "n" }, inUnit(count, "count")),
      element("td", { class: "n" }, bytes(sizeBytes)),
      element("td", {}, moment(modifiedMs)),
    ),
  );
  // It scrolls sideways on a phone, so the keyboard must be able to reach it.
  byId("files").tabIndex = 0;
  byId("files").replaceChildren(...(rows.length === 0 ? [] : [element("table", {}, head, ...rows)]));
}

export function showProblems(problems: Snapshot["problems"]): void {
  const section = byId("problems");
  section.hidden = problems.length === 0;
  section.replaceChildren(...problems.map((problem) => element("p", {}, problem)));
}

/** The buttons stay where they are, so that the keyboard's place is not lost; only their counts change. */
export function showButtons(faults: readonly FaultButton[], press: (name: string) => void): void {
  byId("actions").hidden = faults.length === 0;
  const place = byId("buttons");
  for (const { name, label, means, injected } of faults) {
    let button = place.querySelector<HTMLButtonElement>(`[data-name="${name}"]`);
    if (button === null) {
      const kind = name === "events" ? "" : "fault";
      button = element(
        "button",
        { type: "button", "data-name": name, class: kind, title: means },
        label,
        element("small"),
      );
      button.addEventListener("click", () => press(name));
      place.append(button);
    }
    (button.lastChild as HTMLElement).textContent = injected === 0 ? "" : `× ${injected.toLocaleString("en-GB")}`;
  }
}
