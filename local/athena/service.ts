/** Athena's API, as far as one runs queries with it and reads what came of them. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalObject, optionalString, requiredString, requiredStrings } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService, type Operation } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import type { Access, Principal } from "../iam/access.ts";
import type { ObjectStore } from "../s3/store.ts";
import { callerOf } from "../table-callers.ts";
import type { Template } from "../template/load.ts";
import { readCatalog } from "./catalog.ts";
import { createExecutions, placeOf, type QueryExecution } from "./executions.ts";
import { GrammarError, openGrammar } from "./grammar.ts";
import { createQueryEngine } from "./query-engine.ts";
import { QueryError } from "./query-error.ts";
import { columnInfo, fromCsv, type Row } from "./result-set.ts";
import { readStatement } from "./unload.ts";
import { type NamedQuery, readAthenaSettings, type WorkGroup } from "./work-groups.ts";

export interface AthenaOptions {
  readonly template: Template;
  readonly access: Pick<Access, "of">;
  readonly clock: Clock;
  readonly objects: ObjectStore;
  /** Where the objects lie. */
  readonly rootDir: string;
  readonly seed: number;
}

export interface Athena extends JsonService {
  stop(): Promise<void>;
}

const mostQueryBytes = 262_144;
const mostRowsPerPage = 1000;

/** Throws a TemplateError. */
export function createAthena({ template, access, clock, objects, rootDir, seed }: AthenaOptions): Athena {
  const { account } = template;
  const { workGroups, namedQueries } = readAthenaSettings(template);
  const engine = createQueryEngine({ objects, rootDir, catalog: readCatalog(template), account, seed });
  const executions = createExecutions({ clock, seed, engine, objects });
  const tokens = new Map<string, { readonly input: string; readonly id: string }>();
  const arn = (rest: string): string => `arn:aws:athena:${account.region}:${account.accountId}:${rest}`;

  const groupOf = (name: string): WorkGroup => {
    const group = workGroups.get(name);
    if (group !== undefined) return group;
    throw invalid(`WorkGroup ${name} is not found.`);
  };
  const executionOf = (id: string): QueryExecution => {
    const found = executions.find(id);
    if (found !== undefined) return found;
    throw invalid(`QueryExecution ${id} was not found`);
  };
  /** Runs an operation on one execution for a caller who may do so in its work group. */
  const onExecution =
    (
      action: string,
      work: (execution: QueryExecution, input: JsonObject, caller: Principal) => JsonObject | Promise<JsonObject>,
    ): Operation =>
    (input, request) => {
      const execution = executionOf(requiredString(input, "QueryExecutionId"));
      const caller = access.of(callerOf(request));
      caller.demand(`athena:${action}`, arn(`workgroup/${execution.workGroup.name}`));
      return work(execution, input, caller);
    };
  /** Likewise for one that names a work group. */
  const inGroup =
    (action: string, work: (group: WorkGroup, input: JsonObject) => JsonObject): Operation =>
    (input, request) => {
      const name = optionalString(input, "WorkGroup") ?? "primary";
      access.of(callerOf(request)).demand(`athena:${action}`, arn(`workgroup/${name}`));
      return work(groupOf(name), input);
    };

  const operations: Record<string, Operation> = {
    async StartQueryExecution(input, request) {
      const sql = requiredString(input, "QueryString");
      const workGroup = groupOf(optionalString(input, "WorkGroup") ?? "primary");
      const principal = access.of(callerOf(request));
      principal.demand("athena:StartQueryExecution", arn(`workgroup/${workGroup.name}`));
      principal.demand("athena:GetDataCatalog", arn("datacatalog/AwsDataCatalog"));
      const { token, ...asked } = readRequest(input, workGroup);
      const same = token === undefined ? undefined : tokens.get(token);
      if (same !== undefined) {
        if (same.input === JSON.stringify(asked)) return { QueryExecutionId: same.id };
        throw invalid("Idempotent parameters do not match");
      }
      await checkSyntax(sql);
      const { id } = executions.start({ ...asked, sql, workGroup, principal });
      if (token !== undefined) tokens.set(token, { input: JSON.stringify(asked), id });
      return { QueryExecutionId: id };
    },
    GetQueryExecution: onExecution("GetQueryExecution", (execution) => ({ QueryExecution: described(execution) })),
    BatchGetQueryExecution(input, request) {
      const ids = requiredStrings(input, "QueryExecutionIds", { min: 1, max: 50 });
      const found = ids.flatMap((id) => executions.find(id) ?? []);
      for (const { workGroup } of found)
        access.of(callerOf(request)).demand("athena:BatchGetQueryExecution", arn(`workgroup/${workGroup.name}`));
      const unknown = ids.filter((id) => !found.some((execution) => execution.id === id));
      return {
        QueryExecutions: found.map(described),
        UnprocessedQueryExecutionIds: unknown.map((QueryExecutionId) => ({
          QueryExecutionId,
          ErrorCode: "INVALID_INPUT",
          ErrorMessage: `QueryExecution ${QueryExecutionId} was not found`,
        })),
      };
    },
    GetQueryResults: onExecution("GetQueryResults", async (execution, input, caller) => {
      const { outcome, id, outputLocation, state, isUnload } = execution;
      if (state !== "SUCCEEDED" || outcome === null)
        throw invalid(`Query has not yet finished. Current state: ${state}`);
      const columns = outcome.columns.map(columnInfo);
      const { bucket, prefix } = placeOf(outputLocation);
      caller.demand("s3:GetObject", `arn:aws:s3:::${bucket}/${prefix}${id}.csv`);
      const body = isUnload ? Buffer.alloc(0) : await objects.get(bucket, `${prefix}${id}.csv`);
      if (body === null) throw invalid(`Could not find results: s3://${bucket}/${prefix}${id}.csv`);
      const { page, nextToken } = paged(fromCsv(body.toString()), input, mostRowsPerPage);
      return {
        UpdateCount: 0,
        ResultSet: { Rows: page.map(datum), ResultSetMetadata: { ColumnInfo: columns } },
        ...nextToken,
      };
    }),
    StopQueryExecution: onExecution("StopQueryExecution", (execution) => {
      executions.stop(execution);
      return {};
    }),
    ListQueryExecutions: inGroup("ListQueryExecutions", (group, input) => {
      const ids = executions.all().flatMap(({ workGroup, id }) => (workGroup === group ? [id] : []));
      const { page, nextToken } = paged(ids, input, 50);
      return { QueryExecutionIds: page, ...nextToken };
    }),
    GetWorkGroup: inGroup("GetWorkGroup", (group) => ({ WorkGroup: describedGroup(group) })),
    ListNamedQueries: inGroup("ListNamedQueries", (group, input) => {
      const ids = namedQueries.flatMap(({ workGroup, id }) => (workGroup === group.name ? [id] : []));
      const { page, nextToken } = paged(ids, input, 50);
      return { NamedQueryIds: page, ...nextToken };
    }),
    GetNamedQuery(input, request) {
      const id = requiredString(input, "NamedQueryId");
      const query = namedQueries.find((candidate) => candidate.id === id);
      if (query === undefined) throw invalid(`NamedQuery ${id} was not found`);
      access.of(callerOf(request)).demand("athena:GetNamedQuery", arn(`workgroup/${query.workGroup}`));
      return { NamedQuery: describedQuery(query) };
    },
  };
  return { ...awsJsonService({ name: "Athena", operations }), stop: engine.close };
}

/** The part of a request that says what is to be done, and how it is to be done once. */
function readRequest(input: JsonObject, group: WorkGroup) {
  const sql = requiredString(input, "QueryString");
  if (Buffer.byteLength(sql) > mostQueryBytes)
    throw invalid(`Query string length (${Buffer.byteLength(sql)}) is greater than max length (${mostQueryBytes})`);
  if (!group.enabled) throw invalid(`WorkGroup ${group.name} is disabled.`);
  if (input.ExecutionParameters !== undefined)
    throw invalid("ExecutionParameters are not simulated by the local runtime: write the values into the query.");
  const context = optionalObject(input, "QueryExecutionContext") ?? {};
  const own = optionalString(optionalObject(input, "ResultConfiguration") ?? {}, "OutputLocation");
  const outputLocation = group.enforced ? group.outputLocation : (own ?? group.outputLocation);
  if (outputLocation === null || outputLocation === undefined)
    throw invalid(
      "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.",
    );
  const token = optionalString(input, "ClientRequestToken");
  if (token !== undefined && (token.length < 32 || token.length > 128))
    throw invalid(`ClientRequestToken: expected 32 to 128 characters, got ${token.length}`);
  return {
    token,
    sql,
    database: (optionalString(context, "Database") ?? "default").toLowerCase(),
    catalog: (optionalString(context, "Catalog") ?? "awsdatacatalog").toLowerCase(),
    outputLocation,
    workGroupName: group.name,
  };
}

/** Athena refuses what it cannot parse at once; what it cannot resolve fails later. */
async function checkSyntax(sql: string): Promise<void> {
  const grammar = await openGrammar();
  try {
    const { query } = readStatement(sql, grammar);
    grammar.parse(query);
  } catch (error) {
    if (!(error instanceof GrammarError || error instanceof QueryError)) throw error;
    throw new AwsError("InvalidRequestException", error.message);
  }
}

function described(execution: QueryExecution): JsonObject {
  const { id, sql, isUnload, database, catalog, workGroup, outcome, state, reason, errorCategory } = execution;
  const { submittedMs, startedMs, completedMs, outputLocation } = execution;
  const runMs = startedMs === null ? 0 : (completedMs ?? startedMs) - startedMs;
  const { bucket, prefix } = placeOf(outputLocation);
  const result = `s3://${bucket}/${prefix}${id}`;
  return {
    QueryExecutionId: id,
    Query: sql,
    StatementType: "DML",
    SubstatementType: isUnload ? "UNLOAD" : "SELECT",
    ResultConfiguration: { OutputLocation: isUnload ? result : `${result}.csv` },
    QueryExecutionContext: { Database: database, Catalog: catalog },
    Status: {
      State: state,
      SubmissionDateTime: submittedMs / 1000,
      ...(completedMs === null ? {} : { CompletionDateTime: completedMs / 1000 }),
      ...(reason === null ? {} : { StateChangeReason: reason }),
      ...(errorCategory === null || state !== "FAILED"
        ? {}
        : { AthenaError: { ErrorCategory: errorCategory, ErrorMessage: reason, Retryable: false } }),
    },
    Statistics: {
      EngineExecutionTimeInMillis: runMs,
      DataScannedInBytes: outcome?.scannedBytes ?? 0,
      TotalExecutionTimeInMillis: (completedMs ?? startedMs ?? submittedMs) - submittedMs,
      QueryQueueTimeInMillis: (startedMs ?? submittedMs) - submittedMs,
      ...(isUnload && state === "SUCCEEDED" ? { DataManifestLocation: `${result}-manifest.csv` } : {}),
    },
    WorkGroup: workGroup.name,
    EngineVersion: engineVersion,
  };
}

const engineVersion = {
  SelectedEngineVersion: "Athena engine version 3",
  EffectiveEngineVersion: "Athena engine version 3",
};

function describedGroup({
  name,
  description,
  enabled,
  enforced,
  outputLocation,
  scanLimitBytes,
}: WorkGroup): JsonObject {
  return {
    Name: name,
    Description: description,
    State: enabled ? "ENABLED" : "DISABLED",
    Configuration: {
      EnforceWorkGroupConfiguration: enforced,
      ResultConfiguration: outputLocation === null ? {} : { OutputLocation: outputLocation },
      ...(scanLimitBytes === null ? {} : { BytesScannedCutoffPerQuery: scanLimitBytes }),
      EngineVersion: engineVersion,
    },
  };
}

function describedQuery({ id, name, description, database, workGroup, sql }: NamedQuery): JsonObject {
  return {
    NamedQueryId: id,
    Name: name,
    Description: description,
    Database: database,
    WorkGroup: workGroup,
    QueryString: sql,
  };
}

function datum(row: Row): JsonObject {
  return { Data: row.map((value) => (value === null ? {} : { VarCharValue: value })) };
}

function paged<T>(all: readonly T[], input: JsonObject, most: number) {
  const size = optionalInteger(input, "MaxResults", { min: 1, max: most }) ?? most;
  const start = Number(optionalString(input, "NextToken") ?? 0);
  if (!Number.isInteger(start) || start < 0) throw invalid("Invalid NextToken");
  const end = start + size;
  return { page: all.slice(start, end), nextToken: end < all.length ? { NextToken: String(end) } : {} };
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidRequestException", message);
}
