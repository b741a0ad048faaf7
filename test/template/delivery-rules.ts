/** What Firehose refuses, or quietly does otherwise than meant, beyond what the linters see. */
import { at, least, most, resourcesOf, type Template } from "./template.ts";

/** Parquet conversion and dynamic partitioning both take buffers of 64 MB or more, and conversion compresses by itself. */
export function largeBuffersWhereNeeded(template: Template): readonly string[] {
  return deliveries(template).flatMap(({ id, s3 }) => {
    const converts = at(s3, "DataFormatConversionConfiguration", "Enabled") === true;
    if (!converts && !partitions(s3)) return [];
    const small = !(least(template, at(s3, "BufferingHints", "SizeInMBs")) >= 64);
    const hasty = partitions(s3) && !(least(template, at(s3, "BufferingHints", "IntervalInSeconds")) >= 60);
    const compressed = converts && at(s3, "CompressionFormat") !== "UNCOMPRESSED";
    return [
      ...(small ? [`${id}: BufferingHints.SizeInMBs must be 64 or more`] : []),
      ...(hasty ? [`${id}: BufferingHints.IntervalInSeconds must be 60 or more with dynamic partitioning`] : []),
      ...(compressed ? [`${id}: CompressionFormat must be UNCOMPRESSED with format conversion`] : []),
    ];
  });
}

/** Partition keys belong to a delivery that partitions, and to its prefix alone; a delivery that partitions names an error prefix. */
export function partitionKeysAndErrorPrefixesMatch(template: Template): readonly string[] {
  return deliveries(template).flatMap(({ id, prefix, errorPrefix, s3 }) => {
    const usesKeys = prefix.includes("!{partitionKeyFrom");
    return [
      ...(partitions(s3) && !usesKeys ? [`${id}: partitions dynamically, but its Prefix uses no partition key`] : []),
      ...(usesKeys && !partitions(s3)
        ? [`${id}: Prefix uses partition keys without DynamicPartitioningConfiguration`]
        : []),
      ...(partitions(s3) && errorPrefix === "" ? [`${id}: dynamic partitioning needs an ErrorOutputPrefix`] : []),
      ...(errorPrefix.includes("!{partitionKeyFrom") ? [`${id}: ErrorOutputPrefix cannot use partition keys`] : []),
    ];
  });
}

/** With any expression a prefix needs a timestamp (else AWS may append its own path) and an error prefix that names the error's type. */
export function prefixExpressionsAreAllowed(template: Template): readonly string[] {
  return deliveries(template).flatMap(({ id, prefix, errorPrefix }) => {
    const [any, anyError] = [prefix.includes("!{"), errorPrefix.includes("!{")];
    const type = "!{firehose:error-output-type}";
    return [
      ...(any && !prefix.includes("!{timestamp:") ? [`${id}: Prefix has expressions but no timestamp`] : []),
      ...(any && errorPrefix === "" ? [`${id}: Prefix has expressions, so ErrorOutputPrefix is needed`] : []),
      ...(prefix.includes(type) ? [`${id}: ${type} is for ErrorOutputPrefix only`] : []),
      ...(anyError && !errorPrefix.includes(type) ? [`${id}: ErrorOutputPrefix has expressions but not ${type}`] : []),
      ...(!any && !prefix.endsWith("/")
        ? [`${id}: AWS appends yyyy/MM/dd/HH/ to a plain Prefix: end it with "/"`]
        : []),
    ];
  });
}

/** A transform's request is at most 3 MB before base64, its function has at most five minutes, and errors are retried. */
export function transformsFitTheirLimits(template: Template): readonly string[] {
  return deliveries(template).flatMap(({ id, s3 }) =>
    ((at(s3, "ProcessingConfiguration", "Processors") ?? []) as readonly unknown[]).flatMap((processor) => {
      const value = (name: string) =>
        at(
          ((at(processor, "Parameters") ?? []) as readonly unknown[]).find(
            (parameter) => at(parameter, "ParameterName") === name,
          ),
          "ParameterValue",
        );
      const functionId = at(value("LambdaArn"), "Fn::GetAtt", 0);
      const size = Number(value("BufferSizeInMBs"));
      const timeout = at(template.Resources, String(functionId), "Properties", "Timeout");
      return [
        ...(at(s3, "ProcessingConfiguration", "Enabled") === true
          ? []
          : [`${id}: ProcessingConfiguration is off unless Enabled is true`]),
        ...(size >= 0.2 && size <= 3 ? [] : [`${id}: BufferSizeInMBs of the transform must be 0.2 to 3`]),
        ...(most(template, timeout) <= 300
          ? []
          : [`${id}: Firehose waits 300 s for ${String(functionId)}, whose Timeout must not exceed that`]),
        ...(Number(value("NumberOfRetries")) > 0 ? [] : [`${id}: NumberOfRetries of the transform must be above 0`]),
      ];
    }),
  );
}

function deliveries(template: Template) {
  return resourcesOf(template, "AWS::KinesisFirehose::DeliveryStream").map(([id, { Properties }]) => {
    const s3 = at(Properties, "ExtendedS3DestinationConfiguration");
    return { id, s3, prefix: String(at(s3, "Prefix") ?? ""), errorPrefix: String(at(s3, "ErrorOutputPrefix") ?? "") };
  });
}

function partitions(s3: unknown): boolean {
  return at(s3, "DynamicPartitioningConfiguration", "Enabled") === true;
}
