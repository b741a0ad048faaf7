/** Where a command finds a state machine of the template: in a deployed stack, or in a running `npm run dev`. */
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DEFAULT_PORT } from "./dev/options.ts";
import { UserError } from "./user-error.ts";

export type Place =
  | { readonly kind: "stack"; readonly name: string }
  | { readonly kind: "endpoint"; readonly url: string };

/** From `--stack` and `--endpoint`; `npm run dev` unless given. `usage` makes the error of the command. */
export function toPlace(
  { stack, endpoint }: { readonly stack?: string | undefined; readonly endpoint?: string | undefined },
  usage: (message: string) => UserError,
): Place {
  if (stack !== undefined && endpoint !== undefined) throw usage("--stack and --endpoint are two places: give one.");
  if (stack !== undefined) return { kind: "stack", name: stack };
  const url = endpoint ?? `http://127.0.0.1:${DEFAULT_PORT}`;
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return { kind: "endpoint", url };
  throw usage(`--endpoint: expected a URL such as http://127.0.0.1:${DEFAULT_PORT}, got "${url}".`);
}

/** What a machine says to type, as it can be typed here: its words name no place, or the one that the machine knows. */
export function typedAt(place: Place, text: string): string {
  const option = place.kind === "stack" ? `--stack ${place.name}` : `--endpoint ${place.url}`;
  return text.replaceAll(
    /npm run (reconcile|replay) --(?: --(?:stack|endpoint) \S+)?(?= --\w)/g,
    `npm run $1 -- ${option}`,
  );
}

export interface OpenedPlace {
  readonly machineArn: string;
  readonly lakeBucket: string;
  /** Of the SDK's clients, S3's included. */
  readonly settings: object;
}

/** `output` is the template's that names the machine, `localName` its name without the stack's. Throws a UserError. */
export async function openPlace(
  place: Place,
  { output, localName }: { readonly output: string; readonly localName: string },
): Promise<OpenedPlace> {
  if (place.kind === "stack") return { ...(await outputsOf(place.name, output)), settings: {} };
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return {
    machineArn: `arn:aws:states:us-east-1:000000000000:stateMachine:millrace-${localName}`,
    lakeBucket: "lake",
    settings: { endpoint: place.url, region: "us-east-1", credentials, forcePathStyle: true },
  };
}

async function outputsOf(stack: string, machine: string): Promise<Omit<OpenedPlace, "settings">> {
  const client = new CloudFormationClient({});
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const output = (key: string) => Stacks[0]?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
    const [machineArn, lakeBucket] = [output(machine), output("LakeBucketName")];
    if (machineArn !== undefined && lakeBucket !== undefined) return { machineArn, lakeBucket };
    throw new UserError(`The stack ${stack} has no output ${machine}: deploy this version of the template first.`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `The stack ${stack} cannot be read: ${String(error)}. Check its name, your region and credentials.`,
    );
  } finally {
    client.destroy();
  }
}

/** What a person can do where nothing answers; any other error as it is. */
export function explained(error: unknown, place: Place): unknown {
  if (place.kind === "endpoint" && (error as NodeJS.ErrnoException | null)?.code === "ECONNREFUSED")
    return new UserError(
      `Nothing answers at ${place.url}. Start the local runtime with npm run dev, or name a deployed stack with --stack. ` +
        "A finished npm start has no machines any more: it has reconciled its own day, which its report.html shows, " +
        "and npm run trace asks its folder where an event is.",
    );
  return error;
}
