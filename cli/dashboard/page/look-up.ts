/** The form that shows any entity's features. */
import { moment } from "@millrace/charts";
import type { LookedUp, ViewToLookUp } from "../snapshot.ts";
import { byId, element } from "./element.ts";

export type AskFeatures = (view: string, entity: string) => Promise<LookedUp | null>;

/** Returns what tells the form the views and their examples. */
export function openLookUp(ask: AskFeatures): (views: readonly ViewToLookUp[]) => void {
  const view = byId<HTMLSelectElement>("view");
  const entity = byId<HTMLInputElement>("entity");
  const found = byId("found");
  let known: readonly ViewToLookUp[] = [];
  const showExamples = (): void => {
    const chosen = known.find(({ name }) => name === view.value);
    byId("entity-label").textContent = (chosen?.entity ?? "entity").replaceAll("_", " ");
    byId("entities").replaceChildren(...(chosen?.examples ?? []).map((value) => element("option", { value })));
    entity.placeholder = chosen?.examples[0] ?? "";
  };
  view.addEventListener("change", showExamples);
  byId<HTMLFormElement>("lookup").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(view.value, entity.value.trim())
      .then((answer) =>
        found.replaceChildren(
          answer === null
            ? element("p", {}, "It is not in this report: it holds some entities only; all are in features.ndjson.")
            : show(answer),
        ),
      )
      .catch((error: unknown) =>
        found.replaceChildren(element("p", {}, `It could not be looked up: ${String(error)}`)),
      );
  });
  return (views) => {
    const isNew = views.map(({ name }) => name).join() !== known.map(({ name }) => name).join();
    known = views;
    if (isNew)
      view.replaceChildren(...views.map(({ name }) => element("option", { value: name }, name.replaceAll("_", " "))));
    showExamples();
  };
}

/** Characters beyond which a value has a line of its own. */
const LONG = 24;

function show({ view, entity, seen, asOfMs, lastArrivalMs, features }: LookedUp): HTMLElement {
  const arrival = lastArrivalMs === null ? "" : `; its newest event arrived at ${moment(lastArrivalMs)}`;
  const rows = features.map(([name, value]) =>
    element("div", { class: value.length > LONG ? "wide" : "" }, element("dt", {}, name), element("dd", {}, value)),
  );
  return element(
    "div",
    { class: "card" },
    element("h3", {}, `${entity} in ${view.replaceAll("_", " ")}`),
    element(
      "p",
      { class: "note" },
      seen ? `As of ${moment(asOfMs)}${arrival}.` : "Never seen: these are the features of an entity without events.",
    ),
    element("dl", { class: "features" }, ...rows),
  );
}
