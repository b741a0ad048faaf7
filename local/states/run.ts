/**
 * Runs the states of an execution. Every list of states (the machine's, a branch's, an item's) keeps its progress, which stays where it failed:
 * a redrive runs the same lists on, and those that are done answer at once.
 */

import { type Catcher, type Flow, isDistributed, type MapState, type ParallelState, type State } from "./definition.ts";
import { runDistributedMap } from "./distributed-map.ts";
import { assign, type Progress, progressFrom } from "./execution.ts";
import { givenItems, type Item, inputOf } from "./given-items.ts";
import { type Json, limited } from "./json.ts";
import { partOf } from "./pace.ts";
import { createRetries } from "./retry.ts";
import { names, StateError } from "./state-error.ts";
import { runChoice, type Step, type Strand } from "./strand.ts";
import { runTask } from "./task.ts";

export async function runStates(flow: Flow, progress: Progress, strand: Strand): Promise<Json> {
  while (progress.done === null) {
    const state = flow.States[progress.state] as State;
    const step = await runState(state, progress, strand);
    Object.assign(progress, { inner: null, mapRun: null });
    if (step.next === null) progress.done = { output: step.output };
    else progress.state = step.next;
    progress.input = step.output;
  }
  return progress.done.output;
}

async function runState(state: State, progress: Progress, strand: Strand): Promise<Step> {
  const { state: name, input } = progress;
  strand.record(`${state.Type}StateEntered`, { stateEnteredEventDetails: { name, input: JSON.stringify(input) } });
  const scene = strand.enter(name, input, progress.variables);
  const step = await attempts(state, progress, scene);
  strand.record(`${state.Type}StateExited`, { stateExitedEventDetails: { name, output: JSON.stringify(step.output) } });
  return step;
}

async function attempts(state: State, progress: Progress, strand: Strand): Promise<Step> {
  const retries = createRetries(("Retry" in state && state.Retry) || [], strand.random);
  for (let count = 0; ; count++) {
    try {
      return assigning(await behave(state, progress, strand.attempt(count)), progress, strand);
    } catch (error) {
      if (!(error instanceof StateError) || state.Type === "Fail") throw error;
      const delayMs = retries.next(error);
      if (delayMs === null)
        return assigning(await caught(("Catch" in state && state.Catch) || [], error, strand), progress, strand);
      Object.assign(progress, { inner: null, mapRun: null });
      await strand.sleep(delayMs);
    }
  }
}

function assigning(step: Step, progress: Progress, { execution }: Strand): Step {
  assign(execution, progress, step.assigned);
  return step;
}

async function caught(catchers: readonly Catcher[], error: StateError, strand: Strand): Promise<Step> {
  const catcher = catchers.find(({ ErrorEquals }) => names(ErrorEquals, error));
  if (catcher === undefined) throw error;
  const errorOutput = { Error: error.error, Cause: error.cause };
  return strand.finish(catcher, errorOutput, { errorOutput });
}

async function behave(state: State, progress: Progress, strand: Strand): Promise<Step> {
  const { input } = progress;
  switch (state.Type) {
    case "Task":
      return strand.finishWith(state, await runTask(state, strand));
    case "Parallel":
      return strand.finishWith(state, await runParallel(state, progress, strand));
    case "Map":
      return strand.finishWith(
        state,
        await (isDistributed(state) ? runDistributedMap : runMap)(state, progress, strand),
      );
    case "Choice":
      return runChoice(state, strand);
    case "Wait":
      await strand.sleep(await waitMs(state, strand));
      return strand.finish(state, input);
    case "Pass":
    case "Succeed":
      return strand.finish(state, input);
    case "Fail": {
      const error = await strand.value(state.Error ?? "", "Error");
      throw new StateError(String(error), String(await strand.value(state.Cause ?? "", "Cause")));
    }
  }
}

async function waitMs({ Seconds, Timestamp }: { Seconds?: Json; Timestamp?: Json }, strand: Strand): Promise<number> {
  if (Timestamp === undefined) return (await strand.wholeNumber(Seconds ?? 0, "Seconds", 0, 99_999_999)) * 1000;
  const text = String(await strand.value(Timestamp, "Timestamp"));
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new StateError("States.Runtime", `Timestamp: expected ISO 8601, got '${text}'.`);
  return Math.max(0, atMs - strand.now());
}

async function runParallel(state: ParallelState, progress: Progress, strand: Strand): Promise<Json> {
  const input = state.Arguments === undefined ? progress.input : await strand.value(state.Arguments, "Arguments");
  strand.record("ParallelStateStarted");
  progress.inner ??= state.Branches.map(({ StartAt }) => progressFrom(StartAt, input, progress.variables));
  const inner = progress.inner;
  const outputs = await together(inner.length, inner.length, strand, "ParallelState", (at, branch) =>
    runStates(state.Branches[at] as Flow, inner[at] as Progress, branch),
  );
  return limited(outputs, "The result of the Parallel state");
}

/** AWS runs so many items of an inline map side by side at most. */
const inlineConcurrency = 40;

async function runMap(state: MapState, progress: Progress, strand: Strand): Promise<Json> {
  const list = await givenItems(state, strand);
  const asked = await strand.wholeNumber(state.MaxConcurrency ?? 0, "MaxConcurrency", 0, Number.MAX_SAFE_INTEGER);
  const concurrency = Math.min(asked === 0 ? inlineConcurrency : asked, inlineConcurrency);
  strand.record("MapStateStarted", { mapStateStartedEventDetails: { length: list.length } });
  const { ItemProcessor: processor, ItemSelector: selector } = state;
  const name = progress.state;
  progress.inner ??= list.map(() => null);
  const inner = progress.inner;
  const outputs = await together(list.length, concurrency, strand, "MapState", async (at, branch) => {
    const details = { name, index: at };
    branch.record("MapIterationStarted", { mapIterationStartedEventDetails: details });
    const item = list[at] as Item;
    const scene = branch.item(at, item);
    try {
      // What is selected begins an iteration; a redrive goes on with what has become of it.
      inner[at] ??= progressFrom(
        processor.StartAt,
        selector === undefined ? inputOf(item) : await scene.value(selector, "ItemSelector"),
        progress.variables,
      );
      const output = await runStates(processor, inner[at], scene);
      branch.record("MapIterationSucceeded", { mapIterationSucceededEventDetails: details });
      return output;
    } catch (error) {
      const isFailure = error instanceof StateError;
      const type = isFailure ? "MapIterationFailed" : "MapIterationAborted";
      const key = isFailure ? "mapIterationFailedEventDetails" : "mapIterationAbortedEventDetails";
      branch.record(type, { [key]: details });
      throw error;
    }
  });
  return limited(outputs, "The result of the Map state");
}

/** Runs so many side by side; the first failure ends the others. */
async function together(
  count: number,
  concurrency: number,
  strand: Strand,
  type: "ParallelState" | "MapState",
  run: (at: number, strand: Strand) => Promise<Json>,
): Promise<readonly Json[]> {
  const outputs: Json[] = new Array(count);
  const { signal, end } = partOf(strand.signal);
  let next = 0;
  let failure: unknown = null;
  const lane = async (): Promise<void> => {
    while (next < count && failure === null) {
      const at = next++;
      try {
        outputs[at] = await run(at, strand.branch(signal));
      } catch (error) {
        failure ??= error;
        end();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, concurrency) }, lane));
  if (failure !== null) {
    if (failure instanceof StateError) strand.record(`${type}Failed`);
    throw failure;
  }
  strand.record(`${type}Succeeded`);
  return outputs;
}
