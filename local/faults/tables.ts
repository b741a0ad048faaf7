/** What befalls a request to DynamoDB. A request is known by its operation and key, and by how often that was asked before. */
import { AwsError, LostReply } from "../aws-error.ts";
import type { JsonObject } from "../aws-json.ts";
import type { FaultName } from "./catalogue.ts";
import type { Draws } from "./draw.ts";
import type { Disturbed, InvocationFaults } from "./invocations.ts";

export interface TableRequest {
  readonly operation: string;
  readonly input: JsonObject;
  /** The access key id. */
  readonly caller: string;
  readonly isWrite: boolean;
}

/** Carries a request out, or not, or in part. */
export type AroundRequest = (
  request: TableRequest,
  carryOut: (input: JsonObject) => Promise<JsonObject>,
) => Promise<JsonObject>;

export function tableFaults(draws: Draws, invocations: InvocationFaults): AroundRequest {
  const late = createLateWrites(draws);
  return async (request, carryOut) => {
    const { operation, input, caller, isWrite } = request;
    // Only what functions ask is disturbed, not those who look at the result.
    const invocation = invocations.of(caller);
    if (invocation === null) return carryOut(input);
    const subject = `${operation} ${subjectOf(input)}`;
    const attempt = draws.attempt("table", subject);
    if (isWrite && !invocation.carriesOut("table", subject)) {
      late.cutOff(invocation, subject, attempt, input);
      throw invocation.refusal;
    }
    const meets = (fault: FaultName): boolean => {
      const isHit = draws.happens(fault, subject, attempt);
      invocation.isHit ||= isHit;
      return isHit;
    };
    if (meets("table-throttle")) throw throttled(draws.share("throttle", subject, attempt));
    if ("ConditionExpression" in input && meets("table-conflict")) {
      throw new AwsError("ConditionalCheckFailedException", "The conditional request failed");
    }
    const { now, later, field } = divide(draws, operation, input, attempt);
    const output = await (isWrite ? late.around(subject, () => carryOut(now), carryOut) : carryOut(now));
    if (isWrite && meets("table-lost-reply")) throw new LostReply();
    if (later === null) return output;
    invocation.isHit = true;
    return { ...output, [field]: later };
  };
}

/** What a dead environment had sent may still be on its way. It arrives when others write the same item: before the next write, or after that or a later one. */
function createLateWrites(draws: Draws) {
  const late = new Map<string, { readonly input: JsonObject; writesBefore: number }>();
  return {
    cutOff({ kind }: Disturbed, subject: string, attempt: number, input: JsonObject): void {
      if (kind === "torn" || !draws.happens("table-late", subject, attempt)) return;
      late.set(subject, { input, writesBefore: Math.floor(draws.share("arrives after", subject, attempt) * 4) });
    },
    async around(
      subject: string,
      write: () => Promise<JsonObject>,
      carryOut: (input: JsonObject) => Promise<JsonObject>,
    ): Promise<JsonObject> {
      const waiting = late.get(subject);
      if (waiting === undefined) return write();
      const arrive = async (): Promise<void> => {
        late.delete(subject);
        // Nobody is there any more to hear of its failure.
        await carryOut(waiting.input).catch(() => undefined);
      };
      if (waiting.writesBefore === 0) await arrive();
      const output = await write();
      waiting.writesBefore--;
      if (waiting.writesBefore === 0) await arrive();
      return output;
    },
  };
}

function throttled(share: number): AwsError {
  return share < 0.5
    ? new AwsError("ProvisionedThroughputExceededException", "An injected fault: the table is throttled.")
    : new AwsError("ThrottlingException", "An injected fault: the table is throttled.");
}

/** What a request is about: its key, or the first of its keys. */
function subjectOf(input: JsonObject): string {
  const { TableName, Key, Item, RequestItems, ExpressionAttributeValues } = input;
  const item = Item as JsonObject | undefined;
  // Keys are text or numbers; of an item, what else it holds changes with every write.
  const keyed =
    item &&
    Object.fromEntries(
      Object.entries(item)
        .filter(([, value]) => isText(value))
        .sort(),
    );
  const [first] = Object.values((RequestItems ?? {}) as JsonObject);
  const batch = Array.isArray(first)
    ? first[0]
    : ((first as JsonObject | undefined)?.Keys as unknown[] | undefined)?.[0];
  return JSON.stringify([TableName, Key ?? keyed ?? batch ?? ExpressionAttributeValues ?? null]);
}

function isText(value: unknown): boolean {
  return typeof value === "object" && value !== null && "S" in value;
}

interface Divided {
  readonly now: JsonObject;
  readonly later: JsonObject | null;
  readonly field: "UnprocessedKeys" | "UnprocessedItems";
}

/** Takes out of a batch request what is left unprocessed; one at least is processed. */
function divide(draws: Draws, operation: string, input: JsonObject, attempt: number): Divided {
  const field = operation === "BatchGetItem" ? "UnprocessedKeys" : "UnprocessedItems";
  const isBatch = operation === "BatchGetItem" || operation === "BatchWriteItem";
  if (!isBatch) return { now: input, later: null, field };
  const now: Record<string, unknown> = {};
  const later: Record<string, unknown> = {};
  for (const [table, asked] of Object.entries((input.RequestItems ?? {}) as JsonObject)) {
    const all = (Array.isArray(asked) ? asked : ((asked as JsonObject).Keys ?? [])) as readonly unknown[];
    const withThose = (those: readonly unknown[]) =>
      Array.isArray(asked) ? those : { ...(asked as JsonObject), Keys: those };
    const left = all.filter((one, at) => at > 0 && draws.happens("table-partial", table, JSON.stringify(one), attempt));
    now[table] = withThose(all.filter((one) => !left.includes(one)));
    if (left.length > 0) later[table] = withThose(left);
  }
  if (Object.keys(later).length === 0) return { now: input, later: null, field };
  return { now: { ...input, RequestItems: now }, later, field };
}
