/** The template's state machines behind their API. */
import type { Clock } from "../clock.ts";
import type { Metrics } from "../cloudwatch/metrics.ts";
import type { Access } from "../iam/access.ts";
import { demandTrust, machineTypes } from "../iam/roles.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { Service } from "../server.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import { createMachines, type Machines } from "./machines.ts";
import { executionMeters } from "./meters.ts";
import { createPace } from "./pace.ts";
import { readMachines } from "./read-machines.ts";
import { statesService } from "./service.ts";
import { createTokens } from "./tokens.ts";
import { createWire } from "./wire.ts";

export interface OpenMachinesOptions {
  readonly template: Template;
  readonly access: Access;
  readonly clock: Clock;
  readonly time: "virtual" | "real";
  readonly seed: number;
  /** Of the server, known when it listens. */
  readonly url: () => string;
  readonly invoke: FunctionHost["invoke"];
  readonly metrics: Metrics;
}

/** Throws a TemplateError. */
export function openMachines(options: OpenMachinesOptions): { readonly machines: Machines; readonly service: Service } {
  const { template, access, clock, url } = options;
  for (const resource of machineTypes.flatMap(template.of)) {
    const role = access.roles.ofFunction(resource.logicalId);
    const cannot =
      "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.";
    demandTrust(template, resource, role, "states.amazonaws.com", cannot);
    const { Tracing: sam, TracingConfiguration: plain } = resource.properties;
    if (((sam ?? plain) as ValueMap | undefined)?.Enabled !== true) continue;
    const principal = access.as(role, resource.name);
    // Traces that cannot be sent are only missing, as on AWS.
    for (const action of ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]) principal.refusal(action, "*");
  }
  const pace = createPace(clock, options.time);
  const tokens = createTokens(pace);
  const machines = createMachines({
    ...options,
    pace,
    tokens,
    meters: executionMeters(options.metrics),
    wire: createWire(url, template.account.region),
    machines: readMachines(template, access.roles, clock.now()),
    principalOf: ({ logicalId, name }) => access.as(access.roles.ofFunction(logicalId), name),
  });
  return { machines, service: statesService({ machines, tokens, now: clock.now }) };
}
