/** The page: asks its own server for a snapshot each second and draws it; a report has its data in it and asks nobody. */
import { moment } from "@millrace/charts";
import type { Inlined, LookedUp, Snapshot } from "../snapshot.ts";
import { type DrawnChart, drawChart } from "./chart.ts";
import { byId } from "./element.ts";
import { openLookUp } from "./look-up.ts";
import { showMachines } from "./machines.ts";
import {
  showAlarms,
  showAlerts,
  showButtons,
  showFigures,
  showFiles,
  showProblems,
  showRankings,
  showReconciliation,
} from "./sections.ts";

const POLL_MS = 1000;
const inlined = readInlined();
const charts = new Map<string, DrawnChart>();
const tellLookUp = openLookUp(
  inlined === null
    ? askFeatures
    : async (view, entity) => inlined.lookedUp.find((one) => one.view === view && one.entity === entity) ?? null,
);

function show(snapshot: Snapshot): void {
  document.title = snapshot.title;
  byId("title").textContent = snapshot.title;
  byId("about").textContent = snapshot.about;
  showProblems(snapshot.problems);
  showFigures(snapshot.figures);
  showButtons(snapshot.faults, (name) => void press(name));
  for (const chart of snapshot.charts) {
    const drawn = charts.get(chart.id) ?? drawChart(chart);
    if (!charts.has(chart.id)) byId("charts").append(drawn.figure);
    charts.set(chart.id, drawn);
    drawn.update(chart);
  }
  showRankings(snapshot.rankings);
  tellLookUp(snapshot.views);
  showAlerts(snapshot.alerts);
  showAlarms(snapshot.alarms);
  showReconciliation(snapshot.reconciliation);
  showMachines(snapshot.machines, snapshot.atMs);
  showFiles(snapshot.files);
}

async function poll(): Promise<void> {
  const state = byId("state");
  try {
    const snapshot = await asked<Snapshot>("/snapshot");
    show(snapshot);
    state.className = "live";
    state.textContent = moment(snapshot.atMs);
  } catch (error) {
    state.className = "lost";
    state.textContent = `Nothing new: ${error instanceof TypeError ? "the server does not answer" : String(error)}`;
  }
  setTimeout(() => void poll(), POLL_MS);
}

async function press(name: string): Promise<void> {
  const { done } = await asked<{ done: string }>(`/press/${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { "x-millrace": "1" },
  });
  byId("done").textContent = done;
}

function askFeatures(view: string, entity: string): Promise<LookedUp | null> {
  return asked<LookedUp>(`/features?${new URLSearchParams({ view, entity })}`);
}

async function asked<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, init);
  const body = (await response.json()) as T & { problem?: string };
  if (!response.ok) throw new Error(body.problem ?? response.statusText);
  return body;
}

function readInlined(): Inlined | null {
  const text = document.getElementById("inlined")?.textContent;
  return text ? (JSON.parse(text) as Inlined) : null;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of charts.values()) chart.redraw();
});
if (inlined === null) void poll();
else show(inlined.snapshot);
