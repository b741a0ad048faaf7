/** State machines: each one's graph, drawn with what its newest execution has done, and its executions. */
import { duration, moment } from "@millrace/charts";
import type { Arrow, Box, Execution, StateMachine } from "../snapshot.ts";
import { byId, element } from "./element.ts";

interface Card {
  readonly note: HTMLElement;
  readonly graph: HTMLElement;
  readonly executions: HTMLElement;
}

const cards = new Map<string, Card>();
const MARGIN = 8;

/** Cards stay where they are, so that neither the keyboard's place nor what was scrolled to is lost. */
export function showMachines(machines: readonly StateMachine[], atMs: number): void {
  byId("machines-section").hidden = machines.length === 0;
  for (const machine of machines) {
    const { note, graph, executions } = cards.get(machine.name) ?? addCard(machine.name);
    note.textContent = machine.nextMs === null ? "" : `Starts by itself at ${moment(machine.nextMs)}.`;
    graph.replaceChildren(drawGraph(machine));
    executions.replaceChildren(tableOf(machine.executions, atMs));
  }
}

function addCard(name: string): Card {
  const note = element("p", { class: "note" });
  const graph = element("section", { class: "scroll graph", tabindex: "0", "aria-label": `States of ${name}` });
  const executions = element("section", { class: "scroll", tabindex: "0", "aria-label": `Executions of ${name}` });
  const card = { note, graph, executions };
  cards.set(name, card);
  byId("machines").append(
    element("article", { class: "card machine" }, element("h3", {}, name), note, graph, executions),
  );
  return card;
}

function tableOf(executions: readonly Execution[], atMs: number): HTMLElement {
  if (executions.length === 0) return element("p", { class: "empty" }, "It has not been started yet.");
  const columns = ["Execution", "Status", "At", "Items of maps", "Started", "Took", "Error"];
  const head = element(
    "tr",
    {},
    ...columns.map((name) => element("th", { scope: "col", class: name === "Took" ? "n" : "" }, name)),
  );
  const rows = executions.map(({ name, status, states, mapRuns, startMs, stopMs, problem }) =>
    element(
      "tr",
      { class: status.toLowerCase() },
      element("td", {}, name),
      element("td", { class: "status" }, status.toLowerCase().replace("_", " ")),
      element("td", {}, states.join(", ") || "–"),
      element("td", {}, mapRuns.map(mapInWords).join("; ") || "–"),
      element("td", {}, moment(startMs)),
      element("td", { class: "n" }, duration(Math.max(0, (stopMs ?? atMs) - startMs))),
      element("td", problem === null ? {} : { class: "problem" }, problem ?? "–"),
    ),
  );
  return element("table", {}, head, ...rows);
}

function mapInWords({ label, total, succeeded, failed, running }: Execution["mapRuns"][number]): string {
  const rest = [...(running > 0 ? [`${running} running`] : []), ...(failed > 0 ? [`${failed} failed`] : [])];
  return `${label} ${succeeded} of ${total}${rest.length === 0 ? "" : ` (${rest.join(", ")})`}`;
}

function drawGraph({ name, graph, executions: [newest] }: StateMachine): SVGElement {
  const { width, height, boxes, arrows } = graph;
  const size = { width: width + 2 * MARGIN, height: height + 2 * MARGIN };
  const drawing = svg("svg", {
    role: "img",
    "aria-label": inWords(name, boxes.length, newest),
    viewBox: `${-MARGIN} ${-MARGIN} ${size.width} ${size.height}`,
    ...size,
  });
  const tip = svg("marker", {
    ...{ id: `tip-${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
  });
  tip.append(svg("path", { d: "M0 0 8 4 0 8z" }));
  drawing.append(tip, ...boxes.map((box) => drawBox(box, newest)), ...arrows.map((arrow) => drawArrow(arrow, name)));
  return drawing;
}

function drawBox({ name, kind, x, y, width, height }: Box, newest: Execution | undefined): SVGElement {
  const group = svg("g", { class: `state ${kind.toLowerCase()} ${markOf(name, newest)}` });
  const text = svg("text", { x: x + width / 2, y: y + 20, "text-anchor": "middle" });
  text.textContent = name;
  group.append(svg("rect", { x, y, width, height, rx: kind === "Choice" ? 16 : 6 }), text);
  return group;
}

function drawArrow({ kind, points }: Arrow, name: string): SVGElement {
  return svg("polyline", {
    class: `arrow ${kind}`,
    points: points.map(([x, y]) => `${x},${y}`).join(" "),
    "marker-end": `url(#tip-${name})`,
  });
}

function markOf(state: string, newest: Execution | undefined): string {
  if (newest === undefined) return "";
  if (newest.states.includes(state)) return newest.status === "RUNNING" ? "running" : "failed";
  return newest.done.includes(state) ? "done" : "";
}

function inWords(name: string, states: number, newest: Execution | undefined): string {
  if (newest === undefined) return `${name}: ${states} states, not started yet`;
  const place = newest.states.length === 0 ? "" : `, at ${newest.states.join(", ")}`;
  const status = newest.status.toLowerCase().replace("_", " ");
  return `${name}: ${status}${place}; ${newest.done.length} of ${states} states done`;
}

function svg(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
