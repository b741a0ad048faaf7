/** The Amazon States Language in JSONata, as far as this runtime speaks it. `Value` may hold `{% expressions %}` at any depth. */
import type { Json, JsonMap } from "./json.ts";

export type Value = Json;

export interface Flow {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export interface Definition extends Flow {
  readonly QueryLanguage: "JSONata";
  readonly Comment?: string;
  readonly TimeoutSeconds?: number;
}

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: "FULL" | "NONE";
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
  readonly Output?: Value;
  readonly Assign?: JsonMap;
}

interface Common {
  readonly Output?: Value;
  readonly Assign?: JsonMap;
  readonly Next?: string;
  readonly End?: boolean;
}

interface Guarded extends Common {
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
}

export interface TaskState extends Guarded {
  readonly Type: "Task";
  readonly Resource: string;
  readonly Arguments?: Value;
  readonly TimeoutSeconds?: Value;
  readonly HeartbeatSeconds?: Value;
}

export interface ParallelState extends Guarded {
  readonly Type: "Parallel";
  readonly Arguments?: Value;
  readonly Branches: readonly Flow[];
}

export interface ItemProcessor extends Flow {
  readonly ProcessorConfig?: {
    readonly Mode?: "INLINE" | "DISTRIBUTED";
    readonly ExecutionType?: "STANDARD" | "EXPRESS";
  };
}

export interface MapState extends Guarded {
  readonly Type: "Map";
  readonly Items?: Value;
  readonly ItemSelector?: Value;
  readonly ItemReader?: JsonMap;
  readonly ItemBatcher?: JsonMap;
  readonly ResultWriter?: JsonMap;
  readonly ItemProcessor: ItemProcessor;
  readonly MaxConcurrency?: Value;
  readonly ToleratedFailureCount?: Value;
  readonly ToleratedFailurePercentage?: Value;
  readonly Label?: string;
}

export interface ChoiceState extends Common {
  readonly Type: "Choice";
  readonly Choices: readonly (Common & { readonly Condition: Value; readonly Next: string })[];
  readonly Default?: string;
}

export interface WaitState extends Common {
  readonly Type: "Wait";
  readonly Seconds?: Value;
  readonly Timestamp?: Value;
}

export interface FailState {
  readonly Type: "Fail";
  readonly Error?: Value;
  readonly Cause?: Value;
}

export type State =
  | TaskState
  | ParallelState
  | MapState
  | ChoiceState
  | WaitState
  | FailState
  | (Common & { readonly Type: "Pass" | "Succeed" });

/** The branches of a Parallel, the items of a Map. */
export function flowsIn(state: State): readonly Flow[] {
  if (state.Type === "Parallel") return state.Branches;
  return state.Type === "Map" ? [state.ItemProcessor] : [];
}

/** Every state of a definition with its name, those in branches and item processors, too. */
export function statesOf(flow: Flow): readonly (readonly [name: string, state: State])[] {
  return Object.entries(flow.States).flatMap(([name, state]) => [
    [name, state] as const,
    ...flowsIn(state).flatMap(statesOf),
  ]);
}

export function isDistributed({ ItemProcessor: { ProcessorConfig: config } }: MapState): boolean {
  return config?.Mode === "DISTRIBUTED";
}
