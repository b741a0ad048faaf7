/** What fields states may have in JSONata. Step Functions refuses any other, and a misspelt one would have no effect here and nobody would know. */
import type { TemplateError } from "../template/template-error.ts";
import type { Definition, State } from "./definition.ts";
import { expressionIn } from "./expression.ts";

type Fail = (message: string) => TemplateError;

const common = ["Type", "Comment", "QueryLanguage"];
const going = [...common, "Output", "Assign", "Next", "End"];
const guarded = [...going, "Retry", "Catch"];

const stateFields: Readonly<Record<State["Type"], readonly string[]>> = {
  Task: [...guarded, "Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds"],
  Parallel: [...guarded, "Arguments", "Branches"],
  Map: [
    ...guarded,
    ...["Items", "ItemReader", "ItemSelector", "ItemBatcher", "ItemProcessor", "ResultWriter", "Label"],
    ...["MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"],
  ],
  Choice: [...common, "Choices", "Default", "Output", "Assign"],
  Wait: [...going, "Seconds", "Timestamp"],
  Pass: going,
  Succeed: [...common, "Output"],
  Fail: [...common, "Error", "Cause"],
};
const retrierFields =
  "ErrorEquals Comment IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy".split(" ");
const catcherFields = ["ErrorEquals", "Comment", "Next", "Output", "Assign"];
const choiceFields = ["Condition", "Comment", "Next", "Output", "Assign"];
const machineFields = ["QueryLanguage", "Comment", "Version", "StartAt", "States", "TimeoutSeconds"];

const mostSeconds = 99_999_999;
/** What a number that is written down may be: from, to, and whether it is a whole one. */
const numbers: Readonly<Record<string, readonly [least: number, most: number, isWhole?: false]>> = {
  Seconds: [0, mostSeconds],
  TimeoutSeconds: [1, mostSeconds],
  HeartbeatSeconds: [1, mostSeconds],
  MaxConcurrency: [0, Number.MAX_SAFE_INTEGER],
  ToleratedFailureCount: [0, Number.MAX_SAFE_INTEGER],
  ToleratedFailurePercentage: [0, 100, false],
  IntervalSeconds: [1, mostSeconds],
  MaxAttempts: [0, mostSeconds],
  BackoffRate: [1, Number.MAX_VALUE, false],
  MaxDelaySeconds: [1, 31_622_399],
};
/** These take no expression. */
const literals = ["IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"];

export function checkMachineFields(definition: Definition, fail: Fail): void {
  demand(definition, machineFields, "", fail);
  checkNumbers(definition, "", ["TimeoutSeconds"], fail);
}

/** Also the order of its retriers and catchers. */
export function checkFields(name: string, state: State, fail: Fail): void {
  if ("Credentials" in state)
    throw fail(`${name}: Credentials, by which a task takes another role, are not simulated by the local runtime.`);
  demand(state, stateFields[state.Type], name, fail);
  checkNumbers(state, name, [], fail);
  if (state.Type === "Wait" && "Seconds" in state === "Timestamp" in state)
    throw fail(`${name}: a Wait has either Seconds or a Timestamp.`);
  if (state.Type === "Choice" && !(Array.isArray(state.Choices) && state.Choices.length > 0))
    throw fail(`${name}: a Choice has Choices, at least one.`);
  if ("Retry" in state) checkErrors(state.Retry ?? [], retrierFields, `${name}/Retry`, fail);
  if ("Catch" in state) checkErrors(state.Catch ?? [], catcherFields, `${name}/Catch`, fail);
  if (state.Type === "Choice")
    for (const [at, choice] of state.Choices.entries()) demand(choice, choiceFields, `${name}/Choices[${at}]`, fail);
}

function checkErrors(
  rules: readonly { readonly ErrorEquals: readonly string[] }[],
  fields: readonly string[],
  place: string,
  fail: Fail,
): void {
  for (const [at, rule] of rules.entries()) {
    demand(rule, fields, `${place}[${at}]`, fail);
    checkNumbers(rule, `${place}[${at}]`, literals, fail);
    const { ErrorEquals: names } = rule;
    if (!Array.isArray(names) || names.length === 0)
      throw fail(`${place}[${at}]: ErrorEquals is a list of names, at least one; got ${JSON.stringify(names)}.`);
    if (!names.includes("States.ALL")) continue;
    if (names.length > 1) throw fail(`${place}[${at}]: States.ALL stands alone in its ErrorEquals.`);
    if (at < rules.length - 1) throw fail(`${place}[${at}]: States.ALL comes last: what follows would never be asked.`);
  }
}

function checkNumbers(holder: object, place: string, literalOnly: readonly string[], fail: Fail): void {
  for (const [field, value] of Object.entries(holder)) {
    const known = numbers[field];
    const isExpression = typeof value === "string" && expressionIn(value) !== null && !literalOnly.includes(field);
    if (known === undefined || isExpression) continue;
    const [least, most, isWhole = true] = known;
    if (typeof value === "number" && value >= least && value <= most && (!isWhole || Number.isInteger(value))) continue;
    const where = place === "" ? "" : `${place}: `;
    const kind = isWhole ? "a whole number" : "a number";
    throw fail(`${where}${field}: expected ${kind} from ${least} to ${most}, got ${JSON.stringify(value)}.`);
  }
}

function demand(holder: object, known: readonly string[], place: string, fail: Fail): void {
  const foreign = Object.keys(holder).find((field) => !known.includes(field));
  if (foreign === undefined) return;
  const where = place === "" ? "" : `${place}: `;
  throw fail(`${where}there is no field ${foreign} here; expected one of ${known.join(", ")}.`);
}
