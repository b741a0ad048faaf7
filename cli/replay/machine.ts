/** The deployed or local machine of replays, as the command asks it. */
import { S3Client } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListMapRunsCommand,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { type ReplayRequest, type ReplaySaid, s3ReplayControl } from "@millrace/aws";
import { explained, openPlace, type Place } from "../machine-place.ts";
import { UserError } from "../user-error.ts";

export interface ReplayMachine {
  /** False when an execution of this name was there before. */
  start(name: string, request: ReplayRequest): Promise<boolean>;
  state(name: string): Promise<ReplayState>;
  /** Pauses it, lets it go on, or changes its rate. */
  say(name: string, change: Partial<ReplaySaid>): Promise<void>;
  /** Null where nobody can say anything to it (yet). */
  said(name: string): Promise<ReplaySaid | null>;
  redrive(name: string): Promise<void>;
  close(): void;
}

export interface ReplayState {
  readonly status: string;
  /** Chunks, once they are known. */
  readonly done: number;
  readonly total: number;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  /** What the machine said at its end; null before. */
  readonly output: unknown;
}

export async function openMachine(place: Place): Promise<ReplayMachine> {
  const { machineArn, lakeBucket, settings } = await openPlace(place, {
    output: "ReplayMachineArn",
    localName: "replay",
  });
  const client = new SFNClient(settings);
  const s3 = new S3Client(settings);
  const arnOf = (name: string) => `${machineArn.replace(":stateMachine:", ":execution:")}:${name}`;

  return {
    async start(name, request) {
      try {
        const input = JSON.stringify(request);
        await client.send(new StartExecutionCommand({ stateMachineArn: machineArn, name, input }));
        return true;
      } catch (error) {
        if (error instanceof Error && error.name === "ExecutionAlreadyExists") return false;
        throw hinted(error, place);
      }
    },
    async state(name) {
      const executionArn = arnOf(name);
      try {
        const { status, error, cause, output } = await client.send(new DescribeExecutionCommand({ executionArn }));
        const { mapRuns = [] } = await client.send(new ListMapRunsCommand({ executionArn }));
        const counts = await Promise.all(
          mapRuns.map(
            async ({ mapRunArn }) => (await client.send(new DescribeMapRunCommand({ mapRunArn }))).itemCounts,
          ),
        );
        return {
          status: String(status),
          done: counts.reduce((sum, count) => sum + (count?.succeeded ?? 0), 0),
          total: counts.reduce((sum, count) => sum + (count?.total ?? 0), 0),
          error,
          cause,
          output: output === undefined ? null : (JSON.parse(output) as unknown),
        };
      } catch (error) {
        throw hinted(error, place, name);
      }
    },
    async say(name, change) {
      try {
        await s3ReplayControl(s3, lakeBucket).say(name, change);
      } catch (error) {
        if (error instanceof Error && error.name === "NoSuchKey")
          throw new UserError(
            `${name} has nothing yet to pause or to pace: it is just beginning, the same was done before, or there is no replay of this name (--status ${name} says).`,
          );
        throw hinted(error, place, name);
      }
    },
    async said(name) {
      try {
        return await s3ReplayControl(s3, lakeBucket).said(name);
      } catch (error) {
        if (error instanceof Error && error.name === "NoSuchKey") return null;
        throw hinted(error, place, name);
      }
    },
    async redrive(name) {
      try {
        await client.send(new RedriveExecutionCommand({ executionArn: arnOf(name) }));
      } catch (error) {
        throw hinted(error, place, name);
      }
    },
    close() {
      client.destroy();
      s3.destroy();
    },
  };
}

function hinted(error: unknown, place: Place, name?: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === "ExecutionDoesNotExist") return new UserError(`There is no replay ${name}.`);
  if (error.name === "ExecutionNotRedrivable") return new UserError(`${name} cannot go on: ${error.message}`);
  return explained(error, place);
}
