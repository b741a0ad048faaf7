/**
 * The platform on this machine: reads the template, builds the functions, creates the resources, and runs event source mappings
 * and deliveries on one clock. In virtual time invocations run one after another on the clock's queue, and the clock stands still meanwhile.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createAthena } from "./athena/service.ts";
import type { Clock } from "./clock.ts";
import { readAlarms } from "./cloudwatch/alarm-settings.ts";
import { type Alarms, createAlarms } from "./cloudwatch/alarms.ts";
import { cloudWatchApi } from "./cloudwatch/api.ts";
import { createMetrics, type Metrics } from "./cloudwatch/metrics.ts";
import { notificationOf } from "./cloudwatch/notification.ts";
import type { TableUsage } from "./dynamodb.ts";
import { startTables, type Tables } from "./dynamodb.ts";
import { createMappings } from "./esm/create-mappings.ts";
import type { Mapping } from "./esm/mapping.ts";
import { readMappings } from "./esm/read-settings.ts";
import type { MappingStats } from "./esm/stats.ts";
import { createEvents, type Events } from "./events/service.ts";
import type { FaultCounts, FaultRates } from "./faults/catalogue.ts";
import { createFaults, type Faults } from "./faults/faults.ts";
import { firehoseApi } from "./firehose/api.ts";
import type { Delivery, DeliveryStats } from "./firehose/delivery.ts";
import { readRoutes } from "./http-api/read-routes.ts";
import { type HttpApi, startHttpApi } from "./http-api/server.ts";
import { type Access, createAccess } from "./iam/access.ts";
import { useFunctionRoles, useMappingRoles } from "./iam/functions.ts";
import { meterStream } from "./kinesis/meters.ts";
import type { Kinesis } from "./kinesis/service.ts";
import { createKinesis } from "./kinesis/service.ts";
import type { Stream } from "./kinesis/stream.ts";
import { lambdaApi } from "./lambda/api.ts";
import type { AnswerPoint, FunctionStats, Invocation, KillPoint } from "./lambda/host.ts";
import { type OpenedHost, openHost } from "./lambda/open-host.ts";
import type { SourceEdit } from "./lambda/source-edits.ts";
import { createMessaging, type Messaging } from "./messaging.ts";
import { createDeliveries, createStreams, createTables } from "./resources.ts";
import { createS3 } from "./s3/service.ts";
import { createObjectStore, type ObjectStore } from "./s3/store.ts";
import { readSchedules } from "./schedules/read-schedules.ts";
import { createSchedules, type Schedules } from "./schedules/schedules.ts";
import { type Server, type ServerOptions, startServer } from "./server.ts";
import { withQueueUrls } from "./sqs/queue-urls.ts";
import type { Machines } from "./states/machines.ts";
import { openMachines } from "./states/open.ts";
import { loadTemplate, type Template } from "./template/load.ts";
import { realTime, type TimeKeeper, virtualTime } from "./time-keeper.ts";

export interface RuntimeOptions {
  readonly templatePath: string;
  /** In place of the file's text. */
  readonly templateText?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Objects (`<bucket>/<key>`) and logs (`logs/<LogicalId>.ndjson`) go here. */
  readonly outDir: string;
  /** What `#definitions/*` means to the functions; the project's own folder by default. */
  readonly definitionsDir?: string;
  readonly clock: { readonly kind: "virtual"; readonly startMs: number } | { readonly kind: "real" };
  readonly seed?: number;
  /** 0 or none: any free port. */
  readonly port?: number;
  /** Where the template's HTTP APIs are served; 0: any free port; none: nowhere. */
  readonly apiPort?: number;
  readonly region?: string;
  /**
   * Whether shards have AWS's limits of throughput: by default in real time only. In virtual time they refuse whoever puts in process and must
   * wait; a request over the wire is never refused, since its sender could wait for ever while the clock stands still. It counts all the same.
   */
  readonly shardLimits?: boolean;
  readonly log?: (line: string) => void;
  /** Asked at each DynamoDB write and after each answer of a function; true ends its environment there. */
  readonly kill?: (point: KillPoint) => boolean;
  /** Asked for each answer of a function; true loses it on its way. */
  readonly loseAnswer?: (answer: AnswerPoint) => boolean;
  /** Asked for each request to S3 or Kinesis over the wire; true refuses it as one too many. A function's caller is `<function>-<n>`. */
  readonly slowDown?: ServerOptions["slowDown"];
  /** What goes wrong, at which rates; nothing by default. Faults of producers are for whoever feeds the stream. */
  readonly faults?: FaultRates;
  /** Builds the functions from sources with other text in these places: so that tests can ask whether a fault would be seen. */
  readonly edits?: readonly SourceEdit[];
}

export interface RuntimeStats {
  /** By logical id. */
  readonly functions: Readonly<Record<string, FunctionStats>>;
  readonly mappings: Readonly<Record<string, MappingStats>>;
  readonly deliveries: Readonly<Record<string, DeliveryStats>>;
  readonly tables: TableUsage;
  /** By service and operation. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Faults injected so far. */
  readonly faults: FaultCounts;
}

export interface Runtime {
  readonly url: string;
  /** Of the template's HTTP APIs; null when they are not served. */
  readonly apiUrl: string | null;
  readonly clock: Clock;
  readonly objects: ObjectStore;
  readonly tables: Tables;
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  /** Who may do what, and what was done with it. */
  readonly access: Pick<Access, "usage">;
  readonly queues: Pick<Messaging["sqs"], "find" | "urlOf">;
  readonly topics: Pick<Messaging["sns"], "find">;
  /** State machines and their executions. */
  readonly machines: Machines;
  readonly schedules: Pick<Schedules, "list">;
  readonly events: Pick<Events, "recent">;
  readonly outputs: Readonly<Record<string, string>>;
  /** Resource types with their number, and properties, that exist on AWS only. */
  readonly notSimulated: readonly string[];
  stream(logicalId: string): Stream;
  physicalId(logicalId: string): string;
  /** Runs a function once, by logical id, name or ARN. */
  invoke(functionName: string, payload: unknown): Promise<Invocation>;
  /** Builds the functions anew whose sources have changed, and loads them; their logical ids. Throws a BuildError, and all stays as it was. */
  reload(): Promise<readonly string[]>;
  /** Virtual time only. */
  advanceTo(atMs: number): Promise<void>;
  /** All mappings caught up and all deliveries flushed. In virtual time it runs the clock as far as that takes. */
  drain(): Promise<void>;
  stats(): RuntimeStats;
  stop(): Promise<void>;
}

/** What a start holds so far; whatever a failed start has opened is closed again. */
interface Parts {
  readonly api: HttpApi | null;
  readonly events: Events;
  readonly template: Template;
  readonly time: TimeKeeper;
  readonly kinesis: Kinesis;
  readonly tables: Tables;
  readonly objects: ObjectStore;
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  readonly access: Access;
  readonly host: OpenedHost;
  readonly server: Server;
  readonly mappings: readonly Mapping[];
  readonly deliveries: ReadonlyMap<string, Delivery>;
  readonly faults: Faults;
  readonly messaging: Messaging;
  readonly machines: Machines;
  readonly schedules: Schedules;
}

const projectDir = resolve(import.meta.dirname, "..");

/** Throws a TemplateError, a BuildError, a DeliverySettingsError or the server's error about the port; each says what to do. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { templatePath, outDir, region = "us-east-1", seed = 1, log = () => {} } = options;
  const templateText = options.templateText ?? (await readFile(templatePath, "utf8"));
  const parameters = options.parameters ?? {};
  const template = loadTemplate({ templatePath, templateText, parameters, account: { region } });
  const isVirtual = options.clock.kind === "virtual";
  const limits = options.shardLimits ?? !isVirtual;
  // Before anything is built or opened: a mistake in the template should not cost a build.
  const nowMs = options.clock.kind === "virtual" ? options.clock.startMs : Date.now();
  const found = readMappings(template, { nowMs });
  const alarmSettings = readAlarms(template);
  const routes = readRoutes(template);
  const access = createAccess(template, log);
  useFunctionRoles(template, access);
  useMappingRoles(template, access, found);
  const schedules = readSchedules({ template, access, nowMs });
  const ticking = options.clock.kind === "virtual" ? virtualTime(options.clock.startMs) : realTime(log);
  const { clock } = ticking;

  const opened: { stop(): Promise<void> | void }[] = [ticking];
  const keep = <T extends { stop(): Promise<void> | void }>(part: T): T => {
    opened.unshift(part);
    return part;
  };
  let stopped = false;
  // Whoever waits for the clock must hear that nothing moves any more, or it waits for ever.
  const demandRunning = (): void => {
    if (stopped) throw new Error("The runtime was stopped while work was still waiting for its clock.");
  };
  const time: TimeKeeper = {
    ...ticking,
    async advanceTo(atMs) {
      demandRunning();
      await ticking.advanceTo(atMs);
    },
    async pass() {
      demandRunning();
      await ticking.pass();
    },
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    for (const part of opened.splice(0)) await part.stop();
  };
  try {
    const metrics = createMetrics({ clock });
    const alarms = keep(
      createAlarms({
        settings: alarmSettings,
        metrics,
        clock,
        onChange(change) {
          const notification = notificationOf(change, template.account);
          for (const arn of change.actions) messaging.sns.find(arn)?.publish(notification);
        },
      }),
    );
    const objects = createObjectStore(outDir, { now: clock.now });
    const faults = createFaults(seed, options.faults);
    const tables = keep(
      await startTables({ clock, metrics, ...(faults.aroundTable && { around: faults.aroundTable }) }),
    );
    const kinesis = createKinesis({
      clock,
      region,
      limits,
      overload: isVirtual ? "lend" : "refuse",
      onAdd: (stream) => meterStream(stream, metrics),
    });
    const deliveries = new Map<string, Delivery>();
    const url = (): string => server.url;
    const messaging = keep(createMessaging({ template, clock, metrics, time: options.clock.kind, seed, url, log }));
    const events = createEvents({
      template,
      clock,
      seed,
      queues: messaging.sqs,
      around: faults.aroundBus,
    });
    await createTables(template, tables, objects);
    const invokeByState = (name: string, payload: unknown) => host.invoke(name, payload);
    const states = openMachines({
      template,
      access,
      clock,
      time: options.clock.kind,
      seed,
      url,
      invoke: invokeByState,
      metrics,
    });
    const athena = keep(createAthena({ template, access, clock, objects, rootDir: outDir, seed }));
    const services = {
      kinesis,
      dynamodb: tables,
      firehose: firehoseApi(() => deliveries.values(), faults.aroundPut),
      s3: createS3(objects),
      cloudwatch: cloudWatchApi({ metrics, alarms, clock }),
      sqs: messaging.sqs,
      sns: messaging.sns,
      states: states.service,
      events,
      athena,
      lambda: lambdaApi({ invoke: (name, payload) => host.invoke(name, payload), mappings: () => mappings }),
    };
    const server: Server = keep(
      await startServer({ port: options.port ?? 0, clock, access, slowDown: options.slowDown, services }),
    );
    const host: OpenedHost = keep(
      await openHost({
        template,
        projectDir,
        definitionsDir: options.definitionsDir ?? join(projectDir, "definitions"),
        logsDir: join(outDir, "logs"),
        url: server.url,
        region,
        seed,
        clock,
        time: options.clock.kind,
        onWrite: tables.onWrite,
        cutOff: tables.cutOff,
        kill: options.kill,
        loseAnswer: options.loseAnswer,
        faults: faults.invocations,
        metrics,
        edits: options.edits ?? [],
      }),
    );
    createStreams(template, kinesis, clock, limits);
    const wiring = { template, access, clock, kinesis, objects, invoke: host.invoke, seed, metrics, region, log };
    for (const [logicalId, delivery] of createDeliveries(wiring)) deliveries.set(logicalId, keep(delivery));
    const invoke = faults.redelivering(host.invoke);
    const mappings: readonly Mapping[] = createMappings({ ...wiring, tables, messaging, invoke }, found).map(keep);
    const targets = { invoke: invokeByState, machines: states.machines, queues: messaging.sqs };
    const scheduler = keep(createSchedules({ template, schedules, clock, seed, ...targets, log }));
    const { apiPort } = options;
    const api =
      apiPort === undefined || routes.length === 0
        ? null
        : keep(await startHttpApi({ template, routes, invoke: host.invoke, clock, seed, port: apiPort }));
    const parts = {
      api,
      events,
      template,
      time,
      kinesis,
      tables,
      objects,
      metrics,
      alarms,
      access,
      host,
      server,
      mappings,
      deliveries,
      faults,
      messaging,
      machines: states.machines,
      schedules: scheduler,
    };
    return runtimeOf(parts, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function runtimeOf(parts: Parts, stop: () => Promise<void>): Runtime {
  const { template, time, kinesis, tables, objects, metrics, alarms, access, host, server, mappings, deliveries } =
    parts;
  const { faults, messaging } = parts;
  return {
    url: server.url,
    apiUrl: parts.api?.url ?? null,
    clock: time.clock,
    objects,
    tables,
    metrics,
    alarms,
    access,
    queues: messaging.sqs,
    topics: messaging.sns,
    machines: parts.machines,
    schedules: parts.schedules,
    events: parts.events,
    outputs: withQueueUrls(template.outputs, template.account.region, server.url),
    notSimulated: [...template.notSimulated, ...messaging.silent],
    physicalId: template.physicalId,
    invoke: host.invoke,
    reload: host.reload,
    advanceTo: time.advanceTo,
    drain: () => drain(parts),
    stop,
    stream(logicalId) {
      const stream = kinesis.find(template.physicalId(logicalId));
      if (stream === undefined) throw new Error(`${logicalId} is not a stream of the template.`);
      return stream;
    },
    stats: () => ({
      functions: host.stats(),
      mappings: Object.fromEntries(mappings.map((mapping) => [mapping.logicalId, mapping.stats()])),
      deliveries: Object.fromEntries([...deliveries].map(([logicalId, delivery]) => [logicalId, delivery.stats()])),
      tables: tables.usage(),
      requests: server.requests(),
      faults: faults.counts(),
    }),
  };
}

async function drain({ mappings, deliveries, events, time }: Parts): Promise<void> {
  for (;;) {
    while (!events.idle() || !mappings.every((mapping) => mapping.caughtUp())) {
      // In real time nobody wants to wait minutes for a window that nothing comes into any more.
      if (time.kind === "real") for (const mapping of mappings) mapping.closeWindows();
      await time.pass();
    }
    // A transform that is tried again leaves its delivery busy until the clock has moved on.
    for (const delivery of deliveries.values()) await delivery.flush();
    const isQuiet = [...deliveries.values()].every((delivery) => delivery.idle());
    if (isQuiet && events.idle() && mappings.every((mapping) => mapping.caughtUp())) return;
    await time.pass();
  }
}
