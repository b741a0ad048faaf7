/** Creates what the template describes, each kind from its resolved properties. */
import { AwsError } from "./aws-error.ts";
import type { Clock } from "./clock.ts";
import type { Metrics } from "./cloudwatch/metrics.ts";
import type { Tables } from "./dynamodb.ts";
import { createDelivery, type Delivery, DeliverySettingsError, type GlueTable } from "./firehose/delivery.ts";
import type { Problem } from "./firehose/properties.ts";
import type { Access } from "./iam/access.ts";
import { deliveryUnder } from "./iam/deliveries.ts";
import { readStream } from "./kinesis/read-settings.ts";
import type { Kinesis } from "./kinesis/service.ts";
import { createStream, type Stream } from "./kinesis/stream.ts";
import type { FunctionHost } from "./lambda/host.ts";
import type { ObjectStore } from "./s3/store.ts";
import type { ValueMap } from "./template/evaluate.ts";
import { tableStreamArn } from "./template/identity.ts";
import type { Resource, Template } from "./template/load.ts";
import { TemplateError } from "./template/template-error.ts";

export interface Wiring {
  readonly template: Template;
  readonly access: Access;
  readonly clock: Clock;
  readonly kinesis: Kinesis;
  readonly objects: ObjectStore;
  readonly invoke: FunctionHost["invoke"];
  readonly seed: number;
  readonly metrics: Metrics;
  readonly region: string;
  readonly log: (line: string) => void;
}

export async function createTables(template: Template, tables: Tables, objects: ObjectStore): Promise<void> {
  for (const bucket of template.of("AWS::S3::Bucket")) await objects.createBucket(bucket.name);
  for (const table of template.of("AWS::DynamoDB::Table")) {
    await tables
      .createTable({ ...table.properties, TableName: table.name, streamArn: tableStreamArn(table.arn) })
      .catch((error: unknown) => {
        throw withLine(template, table, error);
      });
  }
}

export function createStreams(template: Template, kinesis: Kinesis, clock: Clock, limits = false): void {
  for (const resource of template.of("AWS::Kinesis::Stream")) {
    const { name, arn } = resource;
    kinesis.add(createStream({ name, arn, clock, limits, ...readStream(template, resource) }));
  }
  for (const resource of template.of("AWS::Kinesis::StreamConsumer")) {
    const stream = streamOf({ template, kinesis }, String(resource.properties.StreamARN), resource);
    stream.consumers.register(resource.name, resource.arn);
  }
}

export function createDeliveries(wiring: Wiring): readonly (readonly [string, Delivery])[] {
  const { template, access, clock, seed, metrics, log } = wiring;
  return template.of("AWS::KinesisFirehose::DeliveryStream").map((resource) => {
    const configured = resource.properties.KinesisStreamSourceConfiguration as ValueMap | undefined;
    const source = configured === undefined ? null : streamOf(wiring, String(configured.KinesisStreamARN), resource);
    const glue = (database: string, table: string) => glueTable(template, database, table);
    const { name, arn, properties, logicalId } = resource;
    const settings = { name, arn, resource: properties, source };
    try {
      const reached = deliveryUnder(template, access, resource, wiring);
      return [logicalId, createDelivery({ ...settings, ...reached, clock, glue, seed, metrics, log })];
    } catch (error) {
      throw withLine(template, resource, error);
    }
  });
}

function streamOf({ template, kinesis }: Pick<Wiring, "template" | "kinesis">, arn: string, user: Resource): Stream {
  const stream = kinesis.all().find((candidate) => candidate.arn === arn);
  if (stream !== undefined) return stream;
  throw new TemplateError(
    template.file,
    user.line,
    `${user.logicalId}: InvalidParameterValueException: Stream not found: ${arn}`,
  );
}

/** What a service refuses about a resource as a TemplateError with the line; anything else as it is. */
function withLine({ file, lines }: Template, { logicalId, line }: Resource, error: unknown): unknown {
  if (error instanceof AwsError) return new TemplateError(file, line, `${logicalId}: ${error.code}: ${error.message}`);
  if (!(error instanceof DeliverySettingsError)) return error;
  const lineOf = ({ place }: Problem): number => (place === null ? undefined : lines.find(...place)) ?? line;
  const [first, ...more] = error.problems;
  if (first === undefined) return new TemplateError(file, line, error.message);
  if (more.length === 0) return new TemplateError(file, lineOf(first), `${logicalId}: ${first.text}`);
  const list = error.problems.map((problem) => `\n  - ${file}:${lineOf(problem)}: ${problem.text}`).join("");
  return new TemplateError(file, line, `${logicalId}:${list}`);
}

function glueTable(template: Template, database: string, table: string): GlueTable | null {
  const found = template
    .of("AWS::Glue::Table")
    .find(({ name, properties }) => name === table && properties.DatabaseName === database);
  if (found === undefined) return null;
  const storage = (found.properties.TableInput as ValueMap).StorageDescriptor as ValueMap | undefined;
  const columns = (storage?.Columns ?? []) as readonly ValueMap[];
  return {
    databaseName: database,
    name: table,
    columns: columns.map(({ Name: name, Type: type }) => ({ name: String(name), type: String(type) })),
  };
}
