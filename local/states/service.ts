/** Step Functions' API, as far as one runs and watches machines that a template has made. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString, requiredString } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService, type Operation } from "../aws-json.ts";
import type { Execution, Machine } from "./execution.ts";
import { type Json, limited } from "./json.ts";
import type { Machines } from "./machines.ts";
import { StateError } from "./state-error.ts";
import type { Tokens } from "./tokens.ts";

export function statesService({ machines, tokens, now }: StatesServiceOptions): JsonService {
  const machineOf = (input: JsonObject): Machine => {
    const arn = requiredString(input, "stateMachineArn");
    const found = machines.all().find((machine) => machine.arn === arn);
    if (found !== undefined) return found;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  };
  const executionOf = (input: JsonObject): Execution => {
    const arn = requiredString(input, "executionArn");
    const found = machines.executions().find((execution) => execution.arn === arn);
    if (found !== undefined) return found;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
  };

  const operations: Record<string, Operation> = {
    StartExecution(input) {
      const name = optionalString(input, "name");
      if (name !== undefined && !/^[\w-]{1,80}$/.test(name))
        throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
      const parsed = json(optionalString(input, "input") ?? "{}", "InvalidExecutionInput");
      const { arn, startMs } = machines.start(machineOf(input), parsed, name);
      return { executionArn: arn, startDate: startMs / 1000 };
    },
    DescribeExecution: (input) => described(executionOf(input)),
    StopExecution(input) {
      const execution = executionOf(input);
      machines.stop(execution, optionalString(input, "error") ?? "", optionalString(input, "cause") ?? "");
      return { stopDate: (execution.stopMs ?? now()) / 1000 };
    },
    RedriveExecution(input) {
      machines.redrive(executionOf(input));
      return { redriveDate: now() / 1000 };
    },
    ListExecutions(input) {
      const machine = machineOf(input);
      const status = optionalString(input, "statusFilter");
      const found = machines
        .executions()
        .filter((one) => one.machine === machine && (status === undefined || one.status === status));
      const { page, nextToken } = paged(found.toReversed(), input, 100);
      const executions = page.map((one) => listed(one));
      return { executions, ...nextToken };
    },
    GetExecutionHistory(input) {
      const { history } = executionOf(input);
      const { page, nextToken } = paged(input.reverseOrder === true ? history.toReversed() : history, input, 1000);
      return { events: page, ...nextToken };
    },
    ListStateMachines(input) {
      const { page, nextToken } = paged(machines.all(), input, 100);
      return { stateMachines: page.map(summary), ...nextToken };
    },
    DescribeStateMachine: (input) => describedMachine(machineOf(input)),
    DescribeStateMachineForExecution: (input) => describedMachine(executionOf(input).machine),
    SendTaskSuccess(input) {
      const output = json(requiredString(input, "output"), "InvalidOutput");
      try {
        limited(output, "The output");
      } catch (error) {
        throw new AwsError("InvalidOutput", (error as StateError).cause);
      }
      tokens.report(requiredString(input, "taskToken")).succeed(output);
      return {};
    },
    SendTaskFailure(input) {
      const error = new StateError(optionalString(input, "error") ?? "", optionalString(input, "cause") ?? "");
      tokens.report(requiredString(input, "taskToken")).fail(error);
      return {};
    },
    SendTaskHeartbeat(input) {
      tokens.report(requiredString(input, "taskToken")).beat();
      return {};
    },
  };
  return awsJsonService({ name: "Step Functions", operations, contentType: "application/x-amz-json-1.0" });
}

export interface StatesServiceOptions {
  readonly machines: Machines;
  readonly tokens: Tokens;
  readonly now: () => number;
}

function json(text: string, code: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new AwsError(code, `Invalid JSON: '${(error as Error).message}'`);
  }
}

function paged<T>(all: readonly T[], input: JsonObject, fallback: number) {
  const size = optionalInteger(input, "maxResults", { min: 0, max: 1000 }) || fallback;
  const start = Number(optionalString(input, "nextToken") ?? 0);
  if (!Number.isInteger(start) || start < 0) throw new AwsError("InvalidToken", "Invalid Token");
  const end = start + size;
  return { page: all.slice(start, end), nextToken: end < all.length ? { nextToken: String(end) } : {} };
}

function listed({ arn, name, machine, status, startMs, stopMs, redrivenMs }: Execution): JsonObject {
  return {
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate: startMs / 1000,
    redriveCount: redrivenMs.length,
    ...(stopMs === null ? {} : { stopDate: stopMs / 1000 }),
  };
}

function described(execution: Execution): JsonObject {
  const { input, output, failure, status, redrivenMs } = execution;
  const redriven = redrivenMs.at(-1);
  return {
    ...listed(execution),
    input: JSON.stringify(input),
    redriveStatus: ["FAILED", "TIMED_OUT", "ABORTED"].includes(status) ? "REDRIVABLE" : "NOT_REDRIVABLE",
    ...(output === undefined ? {} : { output: JSON.stringify(output) }),
    ...(failure ?? {}),
    ...(redriven === undefined ? {} : { redriveDate: redriven / 1000 }),
  };
}

function summary({ arn, name, createdMs }: Machine): JsonObject {
  return { stateMachineArn: arn, name, type: "STANDARD", creationDate: createdMs / 1000 };
}

function describedMachine(machine: Machine): JsonObject {
  return { ...summary(machine), status: "ACTIVE", definition: machine.definitionText, roleArn: machine.roleArn };
}
