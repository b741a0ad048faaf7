/** One line of work in an execution: its place in the history, what its expressions see, and the signal that ends it. */
import type { Catcher, ChoiceState } from "./definition.ts";
import { drawUuid, type Execution, record, type Trail } from "./execution.ts";
import { evaluated } from "./expression.ts";
import type { Item } from "./given-items.ts";
import { dataLimitBytes, type Json, type JsonMap, limited, limitedSum } from "./json.ts";
import { Aborted, StateError } from "./state-error.ts";
import type { Surrounding } from "./task.ts";

export interface Step {
  readonly output: Json;
  readonly assigned: JsonMap;
  readonly next: string | null;
}

type Finishing = Pick<Partial<Catcher>, "Output" | "Assign" | "Next">;

export interface Strand {
  readonly execution: Execution;
  readonly around: Surrounding;
  readonly signal: AbortSignal;
  readonly input: Json;
  now(): number;
  random(): number;
  record(type: string, details?: object): void;
  sleep(ms: number): Promise<void>;
  value(value: Json, field: string, extra?: JsonMap): Promise<Json>;
  number(value: Json, field: string, least: number, most: number): Promise<number>;
  wholeNumber(value: Json, field: string, least: number, most: number): Promise<number>;
  finish(state: Finishing, output: Json, extra?: JsonMap): Promise<Step>;
  /** With `$states.result`. */
  finishWith(state: Finishing, result: Json): Promise<Step>;
  enter(name: string, input: Json, variables: JsonMap): Strand;
  attempt(count: number): Strand;
  item(index: number, item: Item): Strand;
  task(token: string): Strand;
  branch(signal: AbortSignal): Strand;
  under(signal: AbortSignal): Strand;
}

interface Place {
  readonly signal: AbortSignal;
  readonly trail: Trail;
  readonly input: Json;
  readonly variables: JsonMap;
  readonly context: JsonMap;
}

export function strandOf(execution: Execution, around: Surrounding, place: Place): Strand {
  const { pace, seed } = around;
  const { signal, trail, input, variables, context } = place;
  const moved = (changes: Partial<Place>): Strand => strandOf(execution, around, { ...place, ...changes });
  const random = (): number => Number.parseInt(drawUuid(execution, seed, "random").slice(0, 8), 16) / 2 ** 32;
  const strand: Strand = {
    execution,
    around,
    signal,
    input,
    now: pace.now,
    random,
    record(type, details) {
      // A strand that has not heard yet that its execution has ended.
      if (execution.status !== "RUNNING") throw new Aborted("The execution has ended.");
      record(execution, trail, pace.now(), type, details);
    },
    sleep: (ms) => pace.sleep(ms, signal),
    value: (value, field, extra = {}) =>
      evaluated(value, field, {
        states: { input, context, ...extra },
        variables,
        now: pace.now,
        random,
        uuid: () => drawUuid(execution, seed, "uuid"),
      }),
    async number(value, field, least, most) {
      const number = await strand.value(value, field);
      if (typeof number === "number" && number >= least && number <= most) return number;
      const message = `${field}: expected a number from ${least} to ${most}, got ${JSON.stringify(number)}.`;
      throw new StateError("States.QueryEvaluationError", message);
    },
    async wholeNumber(value, field, least, most) {
      const number = await strand.number(value, field, least, most);
      if (Number.isInteger(number)) return number;
      throw new StateError("States.QueryEvaluationError", `${field}: expected a whole number, got ${number}.`);
    },
    async finish({ Output, Assign, Next }, fallback, extra) {
      const output = Output === undefined ? fallback : await strand.value(Output, "Output", extra);
      const assigned = Assign === undefined ? {} : ((await strand.value(Assign, "Assign", extra)) as JsonMap);
      for (const [name, value] of Object.entries(assigned)) limited(value, `The variable ${name}`);
      limitedSum(Object.values(assigned), dataLimitBytes, "What a state assigns");
      return { output: limited(output, "The output of the state"), assigned, next: Next ?? null };
    },
    finishWith: (state, result) => strand.finish(state, result, { result }),
    enter: (name, entered, visible) =>
      moved({
        input: entered,
        variables: visible,
        context: {
          ...context,
          State: { EnteredTime: new Date(pace.now()).toISOString(), Name: name, RetryCount: 0 },
        },
      }),
    attempt: (count) => moved({ context: { ...context, State: { ...(context.State as JsonMap), RetryCount: count } } }),
    item: (Index, { value: Value, key: Key, source: Source }) => {
      const named = { ...(Key !== undefined && { Key }), ...(Source !== undefined && { Source }) };
      return moved({ context: { ...context, Map: { Item: { Index, Value, ...named } } } });
    },
    task: (token) => moved({ context: { ...context, Task: { Token: token } } }),
    branch: (ended) => moved({ signal: ended, trail: { last: trail.last } }),
    under: (ended) => moved({ signal: ended }),
  };
  return strand;
}

export async function runChoice({ Choices, Default, Output, Assign }: ChoiceState, strand: Strand): Promise<Step> {
  for (const [at, choice] of Choices.entries()) {
    const holds = await strand.value(choice.Condition, `Choices[${at}]/Condition`);
    if (typeof holds !== "boolean") {
      const message = `Choices[${at}]/Condition: expected true or false, got ${JSON.stringify(holds)}.`;
      throw new StateError("States.QueryEvaluationError", message);
    }
    if (holds) return strand.finish(choice, strand.input);
  }
  if (Default === undefined)
    throw new StateError("States.NoChoiceMatched", "No choice matched and there is no Default.");
  return strand.finish(
    { ...(Output !== undefined && { Output }), ...(Assign && { Assign }), Next: Default },
    strand.input,
  );
}
