/** What Firehose needs of a delivery stream's roles, by the policies that AWS's documentation gives: at creation, and at each object and transform. */
import type { DeliveryOptions } from "../firehose/delivery.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import type { Access, Principal } from "./access.ts";
import { demandTrust } from "./roles.ts";

type Surroundings = Pick<DeliveryOptions, "objects" | "invoke">;
type Reached = Surroundings & { readonly schemaRefusal: string | null };

/**
 * The objects and functions as the delivery stream's roles reach them. Throws a TemplateError for a role that Firehose cannot take on, and for a
 * source that it cannot read, since such a delivery stream would stay empty; what else is not allowed fails when it is wanted.
 */
export function deliveryUnder(
  template: Template,
  access: Access,
  resource: Resource,
  { objects, invoke }: Surroundings,
): Reached {
  const { properties } = resource;
  const under = (owner: ValueMap): Principal => {
    const role = access.roles.byArn(String(owner.RoleARN));
    const cannot = `Firehose is unable to assume role ${String(owner.RoleARN)}. Please check the role provided.`;
    demandTrust(template, resource, role, "firehose.amazonaws.com", cannot);
    return access.as(role, "AWSFirehoseToS3");
  };
  const source = properties.KinesisStreamSourceConfiguration as ValueMap | undefined;
  if (source !== undefined) useSource(template, resource, under(source), String(source.KinesisStreamARN));
  const destination = (properties.ExtendedS3DestinationConfiguration ?? {}) as ValueMap;
  const principal = under(destination);
  const bucketArn = String(destination.BucketARN);
  for (const action of ["GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"])
    principal.refusal(`s3:${action}`, bucketArn);
  useLog(template, principal, (destination.CloudWatchLoggingOptions ?? {}) as ValueMap);
  const schemaRefusal = useSchema(template, under, (destination.DataFormatConversionConfiguration ?? {}) as ValueMap);
  const functionArn = transformOf(destination);
  if (functionArn !== null) principal.refusal("lambda:GetFunctionConfiguration", functionArn.replace(/:\$LATEST$/, ""));

  return {
    schemaRefusal,
    objects: {
      async put(bucket, key, body, options) {
        const objectArn = `arn:aws:s3:::${bucket}/${key}`;
        // Large objects go up in parts, which is why the documentation wants these two as well.
        for (const action of ["AbortMultipartUpload", "GetObject"]) principal.refusal(`s3:${action}`, objectArn);
        principal.demand("s3:PutObject", objectArn);
        return objects.put(bucket, key, body, options);
      },
    },
    async invoke(functionName, payload) {
      const qualified =
        functionArn === null || /:function:[^:]+:/.test(functionArn) ? functionArn : `${functionArn}:$LATEST`;
      const refused = principal.refusal("lambda:InvokeFunction", qualified ?? functionName);
      if (refused === null) return invoke(functionName, payload);
      return { kind: "error", errorType: refused.code, errorMessage: refused.message, durationMs: 0 };
    },
  };
}

function useSource(template: Template, { logicalId, line }: Resource, principal: Principal, streamArn: string): void {
  for (const action of ["DescribeStream", "GetRecords", "GetShardIterator", "ListShards"]) {
    const refused = principal.refusal(`kinesis:${action}`, streamArn);
    if (refused !== null)
      throw new TemplateError(template.file, line, `${logicalId}: ${refused.code}: ${refused.message}`);
  }
}

function useLog({ account }: Template, principal: Principal, options: ValueMap): void {
  if (String(options.Enabled) !== "true") return;
  const { LogGroupName: group, LogStreamName: stream } = options;
  const place = `log-group:${String(group)}:log-stream:${String(stream)}`;
  principal.refusal("logs:PutLogEvents", `arn:aws:logs:${account.region}:${account.accountId}:${place}`);
}

/** Returns why the schema may not be read, or null. */
function useSchema({ account }: Template, under: (owner: ValueMap) => Principal, conversion: ValueMap): string | null {
  const schema = conversion.SchemaConfiguration as ValueMap | undefined;
  if (schema === undefined) return null;
  const principal = under(schema);
  const { DatabaseName: database, TableName: table } = schema;
  const places = ["catalog", `database/${String(database)}`, `table/${String(database)}/${String(table)}`];
  const refusals = ["GetTable", "GetTableVersion", "GetTableVersions"].flatMap((action) =>
    places.map((place) =>
      principal.refusal(`glue:${action}`, `arn:aws:glue:${account.region}:${account.accountId}:${place}`),
    ),
  );
  return refusals.find((refusal) => refusal !== null)?.message ?? null;
}

function transformOf(destination: ValueMap): string | null {
  const { Processors: processors = [] } = (destination.ProcessingConfiguration ?? {}) as ValueMap;
  for (const { Type: type, Parameters: parameters = [] } of processors as readonly ValueMap[]) {
    const arn = (parameters as readonly ValueMap[]).find(({ ParameterName }) => ParameterName === "LambdaArn");
    if (type === "Lambda" && arn !== undefined) return String(arn.ParameterValue);
  }
  return null;
}
