/**
 * A Map in distributed mode: reads its items, gives each (or each batch) an execution of its own, which knows nothing of the variables outside, and
 * gathers what comes of them. A redrive goes on with the same Map Run and runs only what has not succeeded; a retry begins another.
 */
import { batched } from "./batch-items.ts";
import type { Definition, MapState } from "./definition.ts";
import { drawUuid, type Machine, type Progress } from "./execution.ts";
import { givenItems, type Item, inputOf } from "./given-items.ts";
import { type Json, type JsonMap, limited } from "./json.ts";
import { type Child, concurrencyOf, hasFailedTooOften, type MapRun } from "./map-run.ts";
import { partOf } from "./pace.ts";
import { readItems } from "./read-items.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";
import { outputsOf, writeResults } from "./write-results.ts";

export async function runDistributedMap(state: MapState, progress: Progress, strand: Strand): Promise<Json> {
  const isRedrive = progress.mapRun !== null;
  const given = state.ItemReader === undefined ? await givenItems(state, strand) : null;
  strand.record("MapStateStarted", { mapStateStartedEventDetails: { length: given?.length ?? 0 } });
  const run = progress.mapRun ?? (await opened(state, progress.state, strand));
  progress.mapRun = run;
  if (isRedrive) reopen(run, strand);
  else strand.record("MapRunStarted", { mapRunStartedEventDetails: { mapRunArn: run.arn } });
  try {
    run.children ??= await childrenOf(state, given, strand);
    const output = await settled(state, run, strand);
    close(run, "SUCCEEDED", strand);
    strand.record("MapRunSucceeded");
    strand.record("MapStateSucceeded");
    return output;
  } catch (error) {
    const isFailure = error instanceof StateError;
    close(run, isFailure ? "FAILED" : "ABORTED", strand);
    if (isFailure) {
      const { error: name, cause } = error;
      strand.record("MapRunFailed", { mapRunFailedEventDetails: { error: name, cause } });
      strand.record("MapStateFailed");
    } else {
      strand.record("MapRunAborted");
      strand.record("MapStateAborted");
    }
    throw error;
  }
}

async function opened(state: MapState, stateName: string, strand: Strand): Promise<MapRun> {
  const { execution, around } = strand;
  const id = drawUuid(execution, around.seed, "map run");
  const { MaxConcurrency: concurrency = 0, ToleratedFailureCount: count } = state;
  const percentage = state.ToleratedFailurePercentage;
  const run: MapRun = {
    arn: `${childMachine(state, stateName, execution.machine).arn.replace(":stateMachine:", ":mapRun:")}:${id}`,
    id,
    execution,
    stateName,
    startMs: strand.now(),
    redrivenMs: [],
    stopMs: null,
    status: "RUNNING",
    maxConcurrency: await strand.wholeNumber(concurrency, "MaxConcurrency", 0, Number.MAX_SAFE_INTEGER),
    toleratedFailurePercentage:
      percentage === undefined ? null : await strand.number(percentage, "ToleratedFailurePercentage", 0, 100),
    toleratedFailureCount:
      count === undefined ? null : await strand.wholeNumber(count, "ToleratedFailureCount", 0, Number.MAX_SAFE_INTEGER),
    children: null,
    files: { FAILED: [], PENDING: [], SUCCEEDED: [] },
    changed: () => {},
  };
  around.mapRuns.push(run);
  return run;
}

function reopen(run: MapRun, strand: Strand): void {
  run.redrivenMs.push(strand.now());
  Object.assign(run, { status: "RUNNING", stopMs: null });
  for (const child of run.children ?? [])
    child.awaitsRedrive = child.execution !== null && child.execution.status !== "SUCCEEDED";
  const details = { mapRunArn: run.arn, redriveCount: run.redrivenMs.length };
  strand.record("MapRunRedriven", { mapRunRedrivenEventDetails: details });
}

function close(run: MapRun, status: MapRun["status"], strand: Strand): void {
  for (const child of run.children ?? []) child.awaitsRedrive = false;
  Object.assign(run, { status, stopMs: strand.now(), changed: () => {} });
}

async function childrenOf(state: MapState, given: readonly Item[] | null, strand: Strand): Promise<readonly Child[]> {
  const items: readonly Item[] =
    given === null
      ? await readItems(state.ItemReader as JsonMap, strand)
      : given.map((item) => ({ ...item, source: "STATE_DATA" }));
  const selected: Json[] = [];
  for (const [at, item] of items.entries()) {
    const { ItemSelector: selector } = state;
    selected.push(selector === undefined ? inputOf(item) : await strand.item(at, item).value(selector, "ItemSelector"));
  }
  const inputs =
    state.ItemBatcher === undefined
      ? selected.map((input) => ({ input, itemCount: 1 }))
      : await batched(selected, state.ItemBatcher, strand);
  return inputs.map(({ input, itemCount }) => {
    limited(input, "The input of a child execution");
    return { input, itemCount, execution: null, awaitsRedrive: false, isWritten: false };
  });
}

/** Also of a run that has failed the results are written. */
async function settled(state: MapState, run: MapRun, strand: Strand): Promise<Json> {
  const { ResultWriter: writer } = state;
  try {
    await runChildren(state, run, strand);
  } catch (error) {
    if (error instanceof StateError && writer !== undefined) await writeResults(run, writer, strand);
    throw error;
  }
  if (writer !== undefined) return writeResults(run, writer, strand);
  return limited(outputsOf(run), "The result of the Map state");
}

async function runChildren(state: MapState, run: MapRun, strand: Strand): Promise<void> {
  const { signal, end } = partOf(strand.signal);
  const begin = beginner(state, run, strand);
  const waiting = (run.children ?? []).filter(({ execution }) => execution?.status !== "SUCCEEDED");
  let [next, running] = [0, 0];
  let failure: unknown = null;
  const runOne = async (child: Child): Promise<void> => {
    try {
      const { Status: status } = await strand.around.ended(begin(child).arn, signal);
      if (status !== "SUCCEEDED") judge();
    } catch (error) {
      fail(error);
    }
  };
  const fail = (reason: unknown): void => {
    failure ??= reason;
    end();
  };
  const judge = (): void => {
    if (failure === null && hasFailedTooOften(run)) fail(tooManyFailures);
  };
  await new Promise<void>((resolve) => {
    const go = (): void => {
      while (failure === null && next < waiting.length && running < concurrencyOf(run)) {
        running++;
        void runOne(waiting[next++] as Child).then(() => {
          running--;
          go();
        });
      }
      if (running === 0) resolve();
    };
    run.changed = () => {
      judge();
      go();
    };
    judge();
    go();
  });
  if (failure !== null) throw failure;
}

const tooManyFailures = new StateError(
  "States.ExceedToleratedFailureThreshold",
  "The specified tolerated failure threshold was exceeded",
);

/** Starts a child, or runs one on that has failed: a Standard one from where it stood, an Express one from its beginning. */
function beginner(state: MapState, run: MapRun, { around, execution }: Strand): (child: Child) => { arn: string } {
  const { machine } = execution;
  const principal = around.principalOf(machine);
  const allowed = (action: string, arn: string): void => {
    const refused = principal.refusal(action, arn);
    if (refused !== null) throw new StateError("States.Permissions", refused.message);
  };
  const ofChild = childMachine(state, run.stateName, machine);
  return (child) => {
    child.awaitsRedrive = false;
    child.isWritten = false;
    if (child.execution === null || ofChild.type === "EXPRESS") allowed("states:StartExecution", machine.arn);
    else allowed("states:RedriveExecution", child.execution.arn);
    const name = child.execution?.name ?? drawUuid(execution, around.seed, "child");
    // AWS asks for this of executions as if they were the machine's own.
    allowed("states:DescribeExecution", `${machine.arn.replace(":stateMachine:", ":execution:")}:${name}`);
    if (child.execution === null) child.execution = around.begin(ofChild, child.input, name, run);
    else around.again(child.execution);
    return child.execution;
  };
}

/** The item processor, as a machine. One inside another belongs to the outermost by its name. */
function childMachine(state: MapState, stateName: string, machine: Machine): Machine {
  const label = state.Label ?? stateName.replaceAll(/[^\w-]/g, "").slice(0, 40);
  const own = (text: string) => `${text.replace(/\/.*$/, "")}/${label}`;
  const { ProcessorConfig: config, ...flow } = state.ItemProcessor;
  return {
    ...machine,
    name: own(machine.name),
    arn: own(machine.arn),
    type: config?.ExecutionType ?? "STANDARD",
    definition: { QueryLanguage: "JSONata", ...flow } as Definition,
  };
}
