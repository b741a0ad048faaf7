import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { UserError } from "../user-error.ts";
import type { Entry } from "./entry.ts";
import type { SendOptions } from "./options.ts";
import type { Target } from "./send-in-order.ts";

/** The template's output that names the stream. */
const STREAM_OUTPUT = "EventStreamName";
const LOCAL_REGION = "us-east-1";
const REQUEST_TIMEOUT_MS = 10_000;

export interface StreamTarget extends Target {
  readonly stream: string;
  close(): void;
}

export async function openTarget({ destination }: Pick<SendOptions, "destination">): Promise<StreamTarget> {
  const client = new KinesisClient({
    requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS },
    ...(destination.kind === "endpoint" && localSettings(destination.url)),
  });
  const stream =
    destination.kind === "stack" ? (destination.stream ?? (await streamOfStack(destination.name))) : destination.stream;
  const hint =
    destination.kind === "stack"
      ? "Check your region and your network."
      : `Is the local runtime up (npm run dev), and ${destination.url} its address?`;
  return { stream, put: (entries) => putRecords(client, stream, entries, hint), close: () => client.destroy() };
}

/** A local runtime checks neither; an SDK without them refuses to start. What the person has set is kept. */
function localSettings(endpoint: string) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return {
    endpoint,
    region: process.env.AWS_REGION ?? LOCAL_REGION,
    ...(process.env.AWS_ACCESS_KEY_ID === undefined && { credentials }),
  };
}

async function streamOfStack(stack: string): Promise<string> {
  const client = new CloudFormationClient({});
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const output = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === STREAM_OUTPUT)?.OutputValue;
    if (output !== undefined) return output;
    throw new UserError(
      `Stack ${stack} has no output ${STREAM_OUTPUT}: is it a Millrace stack? Name its stream with --stream.`,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `Cannot ask AWS for stack ${stack}: ${messageOf(error)}. Check its name, your region, your credentials and your network.`,
    );
  } finally {
    client.destroy();
  }
}

async function putRecords(
  client: KinesisClient,
  stream: string,
  entries: readonly Entry[],
  unreachableHint: string,
): Promise<readonly (string | null)[]> {
  try {
    const Records = entries.map(({ partitionKey, data }) => ({ PartitionKey: partitionKey, Data: data }));
    const { Records: answers } = await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
    return entries.map((_, i) =>
      answers?.[i]?.SequenceNumber === undefined ? (answers?.[i]?.ErrorCode ?? "no answer") : null,
    );
  } catch (error) {
    const problem = `Cannot send to stream ${stream}: ${messageOf(error)}`;
    if (isUnreachable(error)) throw new UserError(`${problem}. ${unreachableHint}`);
    if (isFinal(error)) throw new UserError(problem);
    return entries.map(() => messageOf(error));
  }
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly cause?: { readonly code?: string };
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The request itself is wrong (4xx) or cannot be made: another try would meet the same, except for throttling. */
function isFinal(error: unknown): boolean {
  const { name = "", $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode ?? 0;
  const isThrottled = status === 429 || /Throughput|Throttl|LimitExceeded/.test(name);
  if (status >= 400 && status < 500) return !isThrottled;
  return name === "CredentialsProviderError";
}

/** Over HTTP/2 the socket's error stands behind that of the stream. */
function isUnreachable(error: unknown): boolean {
  const { code, cause } = error as SdkError;
  return ["ECONNREFUSED", "ENOTFOUND"].includes(cause?.code ?? code ?? "");
}

function messageOf(error: unknown): string {
  const { name, message } = error as SdkError;
  if (isUnreachable(error)) return `nothing answers there (${message})`;
  // The sentence goes on after it.
  return [name, message].filter(Boolean).join(": ").replace(/\.$/, "");
}
