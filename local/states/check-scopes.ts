/** What holds of the states of a definition together: their names, whether they can be reached, and the variables that they assign. */
import type { TemplateError } from "../template/template-error.ts";
import { type Flow, flowsIn, type State, statesOf } from "./definition.ts";

type Fail = (message: string) => TemplateError;

const longestName = 80;
/** A Unicode identifier. */
const variableName = /^\p{ID_Start}\p{ID_Continue}*$/u;

export function checkScopes(flow: Flow, fail: Fail): void {
  checkNames(flow, fail);
  checkReached(flow, fail);
  checkVariables(flow, new Set(), fail);
}

function checkNames(flow: Flow, fail: Fail): void {
  const seen = new Set<string>();
  for (const [name] of statesOf(flow)) {
    if (name.length > longestName) throw fail(`${name}: a state's name has at most ${longestName} characters.`);
    if (seen.has(name))
      throw fail(`${name}: two states have this name; it is unique in the machine, branches and all.`);
    seen.add(name);
  }
}

function checkReached(flow: Flow, fail: Fail): void {
  const reached = new Set([flow.StartAt]);
  // A set that grows is walked to its end.
  for (const name of reached) for (const next of targetsOf(flow.States[name] as State)) reached.add(next);
  const lost = Object.keys(flow.States).find((name) => !reached.has(name));
  if (lost !== undefined) throw fail(`${lost}: no state leads here from ${flow.StartAt}.`);
  for (const state of Object.values(flow.States)) for (const inner of flowsIn(state)) checkReached(inner, fail);
}

/** Of everything that a state may go on to. */
export function targetsOf(state: State): readonly string[] {
  const catchers = ("Catch" in state && state.Catch) || [];
  const choices = state.Type === "Choice" ? [...state.Choices, { Next: state.Default }] : [];
  const own = "Next" in state ? [{ Next: state.Next }] : [];
  return [...own, ...choices, ...catchers].flatMap(({ Next: next }) => next ?? []);
}

/** The branches of a Parallel and the items of a Map are scopes inside this one. */
function checkVariables(flow: Flow, outer: ReadonlySet<string>, fail: Fail): void {
  const own = new Set<string>();
  for (const [name, state] of Object.entries(flow.States))
    for (const variable of assignedBy(state)) {
      if (variable === "states") throw fail(`${name}: Assign: the name states is Step Functions' own.`);
      if (variable.length > longestName || !variableName.test(variable))
        throw fail(`${name}: Assign: expected an identifier of at most ${longestName} characters, got ${variable}.`);
      if (outer.has(variable))
        throw fail(`${name}: Assign: ${variable} is a variable outside of this Map or Parallel; take another name.`);
      own.add(variable);
    }
  const visible = new Set([...outer, ...own]);
  for (const state of Object.values(flow.States))
    for (const inner of flowsIn(state)) checkVariables(inner, visible, fail);
}

function assignedBy(state: State): readonly string[] {
  const catchers = ("Catch" in state && state.Catch) || [];
  const choices = state.Type === "Choice" ? state.Choices : [];
  const own = "Assign" in state ? [state] : [];
  return [...own, ...catchers, ...choices].flatMap(({ Assign: assign = {} }) => Object.keys(assign));
}
