import { isObject, type Properties, type PropertyReader } from "./properties.ts";

/** The Lambda processor of a delivery stream: AWS's defaults are 1 MB, 60 s and 3 retries. */
export interface TransformSettings {
  readonly functionArn: string;
  readonly functionName: string;
  readonly bufferBytes: number;
  readonly bufferIntervalMs: number;
  readonly retries: number;
}

export interface ProcessorSettings {
  readonly transform: TransformSettings | null;
  /** Appended to each record after the transform; null: nothing. */
  readonly delimiter: Buffer | null;
}

const MiB = 1024 * 1024;
const LAMBDA_PARAMETERS = ["LambdaArn", "BufferSizeInMBs", "BufferIntervalInSeconds", "NumberOfRetries", "RoleArn"];

/** A block without Enabled is disabled, as on AWS; there its processors are only checked by name. */
export function readProcessors(reader: PropertyReader, destination: Properties): ProcessorSettings {
  const configuration = reader.object(destination, "ProcessingConfiguration", ["Enabled", "Processors"]);
  let transform: TransformSettings | null = null;
  let delimiter: Buffer | null = null;
  for (const processor of reader.list(configuration, "Processors")) {
    const type = isObject(processor) ? processor.Type : undefined;
    if (!isObject(processor) || (type !== "Lambda" && type !== "AppendDelimiterToRecord")) {
      reader.problem(
        `Processors: type ${JSON.stringify(type)} is not supported by the local runtime; use Lambda or AppendDelimiterToRecord`,
        ...(isObject(processor) ? ([processor, "Type"] as const) : ([configuration, "Processors"] as const)),
      );
      continue;
    }
    reader.known("Processors.", processor, ["Type", "Parameters"]);
    const parameters = readParameters(reader, processor);
    if (type === "Lambda" && transform !== null)
      reader.problem("Processors: at most one Lambda processor is possible", processor, "Type");
    if (type === "Lambda") transform = readLambda(reader, parameters);
    if (type === "AppendDelimiterToRecord") delimiter = readDelimiter(reader, parameters);
  }
  return reader.flag(configuration, "Enabled") ? { transform, delimiter } : { transform: null, delimiter: null };
}

function readParameters(reader: PropertyReader, processor: Properties): Properties {
  const parameters: Record<string, unknown> = {};
  for (const [at, parameter] of reader.list(processor, "Parameters").entries()) {
    const place = [processor.Parameters as object, String(at)] as const;
    if (isObject(parameter) && typeof parameter.ParameterName === "string") {
      parameters[parameter.ParameterName] = parameter.ParameterValue;
      reader.comesFrom(parameters, parameter.ParameterName, place);
    } else {
      const problem = `expected ParameterName and ParameterValue, got ${JSON.stringify(parameter)}`;
      reader.problem(`Processors.Parameters: ${problem}`, ...place);
    }
  }
  return parameters;
}

function readLambda(reader: PropertyReader, parameters: Properties): TransformSettings {
  reader.known("Processors.Lambda.", parameters, LAMBDA_PARAMETERS);
  const functionArn = reader.required(parameters, "LambdaArn");
  return {
    functionArn,
    functionName: functionNameOf(functionArn),
    bufferBytes: Math.round((reader.number(parameters, "BufferSizeInMBs", { min: 0.2, max: 3 }) ?? 1) * MiB),
    bufferIntervalMs: (reader.number(parameters, "BufferIntervalInSeconds", { min: 0, max: 900 }) ?? 60) * 1000,
    retries: reader.number(parameters, "NumberOfRetries", { min: 0, max: 300 }) ?? 3,
  };
}

/** The console and most templates write the two characters `\n`; a real newline is the same. */
function readDelimiter(reader: PropertyReader, parameters: Properties): Buffer {
  reader.known("Processors.AppendDelimiterToRecord.", parameters, ["Delimiter"]);
  const text = reader.text(parameters, "Delimiter") ?? "\\n";
  return Buffer.from(text.replaceAll("\\n", "\n").replaceAll("\\t", "\t").replaceAll("\\r", "\r"));
}

/** `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`, or the bare name. */
function functionNameOf(arn: string): string {
  return /:function:([^:]+)/.exec(arn)?.[1] ?? arn;
}
