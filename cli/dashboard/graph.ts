/**
 * Lays a state machine out in layers, from its start down: every state lies below those that lead to it, and a state that holds others (Map, Parallel)
 * is drawn around them. Laws: each state has one box; boxes lie apart, or one inside the other; all lies within the graph's size.
 */
import type { Flow, State } from "../../local/states/definition.ts";
import type { Arrow, Box, Graph } from "./snapshot.ts";

const GAP_X = 18;
const GAP_Y = 30;
const PADDING = 12;
const LINE = 32;
/** Of the font, about, in pixels. */
const LETTER = 7;

/** A state, or the place where a long arrow passes a layer. */
interface Cell {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly inner: readonly Graph[];
  readonly state: State | null;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly kind: Arrow["kind"];
}

export function layOut(flow: Flow): Graph {
  const { layers: layerOf, forward, back } = layered(flow);
  const cells = new Map<string, Cell>();
  for (const [name, state] of Object.entries(flow.States)) cells.set(name, cellOf(name, state));
  const rows: string[][] = [];
  const rowAt = (layer: number): string[] => (rows[layer] ??= []);
  for (const [name, layer] of layerOf) rowAt(layer).push(name);
  // Through each layer that an arrow passes it gets a place of its own, so that it runs through no state.
  const paths = forward.map((edge, at) => {
    const path = [edge.from];
    for (let layer = (layerOf.get(edge.from) ?? 0) + 1; layer < (layerOf.get(edge.to) ?? 0); layer++) {
      const id = `${at} ${layer}`;
      cells.set(id, { id, width: 2, height: LINE, inner: [], state: null });
      rowAt(layer).push(id);
      path.push(id);
    }
    return { edge, path: [...path, edge.to] };
  });
  untangle(
    rows,
    paths.map(({ path }) => path),
  );
  return drawn(rows, cells, paths, back);
}

/** Layers by the longest way from the start; what leads back up counts for none. */
function layered(flow: Flow) {
  const edges = Object.entries(flow.States).flatMap(([from, state]) => leavesOf(from, state));
  const back = new Set<Edge>();
  const open = new Set<string>();
  const order: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name) || open.has(name)) return;
    open.add(name);
    for (const edge of edges.filter(({ from }) => from === name)) {
      if (open.has(edge.to)) back.add(edge);
      else visit(edge.to);
    }
    open.delete(name);
    order.push(name);
  };
  for (const name of [flow.StartAt, ...Object.keys(flow.States)]) visit(name);
  order.reverse();
  const forward = edges.filter((edge) => !back.has(edge));
  const layers = new Map<string, number>();
  for (const name of order) {
    const above = forward.filter(({ to }) => to === name).map(({ from }) => (layers.get(from) ?? 0) + 1);
    layers.set(name, Math.max(0, ...above));
  }
  return { layers, forward, back: [...back] };
}

function leavesOf(from: string, state: State): readonly Edge[] {
  const next = "Next" in state && state.Next !== undefined ? [state.Next] : [];
  const choices = state.Type === "Choice" ? state.Choices.map(({ Next }) => Next) : [];
  const fallback = state.Type === "Choice" && state.Default !== undefined ? [state.Default] : [];
  const plain = [...new Set([...next, ...choices, ...fallback])];
  const caught = new Set((("Catch" in state && state.Catch) || []).map(({ Next }) => Next));
  return [
    ...plain.map((to): Edge => ({ from, to, kind: "next" })),
    ...[...caught].filter((to) => !plain.includes(to)).map((to): Edge => ({ from, to, kind: "catch" })),
  ];
}

function cellOf(id: string, state: State): Cell {
  const flows = state.Type === "Parallel" ? state.Branches : state.Type === "Map" ? [state.ItemProcessor] : [];
  const inner = flows.map(layOut);
  const own = id.length * LETTER + 2 * PADDING;
  const within = inner.reduce((sum, { width }) => sum + width + GAP_X, -GAP_X) + 2 * PADDING;
  const height = Math.max(0, ...inner.map((graph) => graph.height));
  return {
    id,
    width: Math.max(own, within, 80),
    height: inner.length === 0 ? LINE : LINE + height + PADDING,
    inner,
    state,
  };
}

/** Moves each cell of a row below the middle of those that lead to it, a few times down and up. */
function untangle(rows: string[][], paths: readonly (readonly string[])[]): void {
  const steps = paths.flatMap((path) => path.slice(1).map((to, at) => [path[at] as string, to] as const));
  const sort = (row: string[], other: readonly string[], neighbours: (id: string) => readonly string[]): void => {
    const middle = new Map(
      row.map((id, at) => {
        const places = neighbours(id).map((one) => other.indexOf(one) / other.length);
        const sum = places.reduce((total, place) => total + place, 0);
        return [id, places.length === 0 ? at / row.length : sum / places.length];
      }),
    );
    row.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
  };
  for (let round = 0; round < 3; round++) {
    for (let at = 1; at < rows.length; at++)
      sort(rows[at] as string[], rows[at - 1] as string[], (id) =>
        steps.filter(([, to]) => to === id).map(([from]) => from),
      );
    for (let at = rows.length - 2; at >= 0; at--)
      sort(rows[at] as string[], rows[at + 1] as string[], (id) =>
        steps.filter(([from]) => from === id).map(([, to]) => to),
      );
  }
}

interface Path {
  readonly edge: Edge;
  readonly path: readonly string[];
}

function drawn(
  rows: readonly (readonly string[])[],
  cells: ReadonlyMap<string, Cell>,
  paths: readonly Path[],
  back: readonly Edge[],
): Graph {
  const cell = (id: string): Cell => cells.get(id) as Cell;
  const widths = rows.map((row) => row.reduce((sum, id) => sum + cell(id).width + GAP_X, -GAP_X));
  const width = Math.max(0, ...widths);
  const places = new Map<string, Placed>();
  const boxes: Box[] = [];
  const arrows: Arrow[] = [];
  // What leads back to the first row comes from above it.
  let y = back.length === 0 ? 0 : GAP_Y;
  for (const [at, row] of rows.entries()) {
    let x = (width - (widths[at] as number)) / 2;
    const rowBottom = y + Math.max(...row.map((id) => cell(id).height));
    for (const id of row) {
      const { state, inner, ...size } = cell(id);
      const box = { name: id, kind: state?.Type ?? "", x, y, width: size.width, height: size.height };
      places.set(id, { middle: x + size.width / 2, top: y, bottom: y + size.height, rowBottom });
      if (state !== null) boxes.push(box);
      placeInner(box, inner, boxes, arrows);
      x += size.width + GAP_X;
    }
    y = rowBottom + GAP_Y;
  }
  const place = (id: string): Placed => places.get(id) as Placed;
  for (const { edge, path } of paths) {
    const points = path.flatMap((id, at) => {
      const { middle, top, bottom, rowBottom } = place(id);
      const into = at === 0 ? [] : [[middle, top] as const];
      // Straight down to the gap below its row, since a neighbour may be taller.
      return [...into, ...(at === path.length - 1 ? [] : [[middle, bottom] as const, [middle, rowBottom] as const])];
    });
    arrows.push({ kind: edge.kind, points });
  }
  // What leads back up goes around at the right, through the gaps between the rows.
  for (const [at, { from, to, kind }] of back.entries()) {
    const [start, end] = [place(from), place(to)];
    const right = width + GAP_X * (at + 1);
    const share = (GAP_Y * (at + 1)) / (back.length + 1);
    const [below, above] = [start.rowBottom + share, end.top - share];
    const points = [
      [start.middle, start.bottom],
      [start.middle, below],
      [right, below],
      [right, above],
      [end.middle, above],
      [end.middle, end.top],
    ] as const;
    arrows.push({ kind, points });
  }
  return { width: width + GAP_X * back.length, height: back.length === 0 ? y - GAP_Y : y, boxes, arrows };
}

interface Placed {
  readonly middle: number;
  readonly top: number;
  readonly bottom: number;
  /** Of the tallest in its row. */
  readonly rowBottom: number;
}

function placeInner(box: Box, inner: readonly Graph[], boxes: Box[], arrows: Arrow[]): void {
  const within = inner.reduce((sum, graph) => sum + graph.width + GAP_X, -GAP_X);
  let x = box.x + (box.width - within) / 2;
  for (const graph of inner) {
    const [left, above] = [x, box.y + LINE];
    for (const one of graph.boxes) boxes.push({ ...one, x: one.x + left, y: one.y + above });
    for (const { kind, points } of graph.arrows)
      arrows.push({ kind, points: points.map(([px, py]) => [px + left, py + above] as const) });
    x += graph.width + GAP_X;
  }
}
