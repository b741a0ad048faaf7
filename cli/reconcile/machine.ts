/** The deployed or local machine of reconciliations, as the command asks it. */
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  type HistoryEvent,
  paginateGetExecutionHistory,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import type { ReconcileReport } from "../../functions/reconcile/reconcile.ts";
import { explained, openPlace, type Place } from "../machine-place.ts";
import { UserError } from "../user-error.ts";

export interface ReconcileMachine {
  /** Its ARN. */
  start(input: object): Promise<string>;
  state(execution: string): Promise<{ readonly status: string; readonly cause: string | undefined }>;
  history(execution: string): Promise<readonly HistoryEvent[]>;
  report(key: string): Promise<ReconcileReport>;
  answer(token: string, approved: boolean): Promise<void>;
  close(): void;
}

export async function openMachine(place: Place): Promise<ReconcileMachine> {
  const { machineArn, lakeBucket, settings } = await openPlace(place, {
    output: "ReconcileMachineArn",
    localName: "reconcile",
  });
  const client = new SFNClient(settings);
  const s3 = new S3Client(settings);
  const hinting = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      throw hinted(error, place);
    }
  };
  return {
    async start(input) {
      const command = new StartExecutionCommand({ stateMachineArn: machineArn, input: JSON.stringify(input) });
      return String((await hinting(client.send(command))).executionArn);
    },
    async state(executionArn) {
      const { status, cause } = await hinting(client.send(new DescribeExecutionCommand({ executionArn })));
      return { status: String(status), cause };
    },
    async history(executionArn) {
      const events: HistoryEvent[] = [];
      for await (const page of paginateGetExecutionHistory({ client }, { executionArn }))
        events.push(...(page.events ?? []));
      return events;
    },
    async report(key) {
      const { Body } = await hinting(s3.send(new GetObjectCommand({ Bucket: lakeBucket, Key: key })));
      return JSON.parse((await Body?.transformToString()) ?? "") as ReconcileReport;
    },
    async answer(taskToken, approved) {
      const refusal = { error: "Refused", cause: "A person refused the repair." };
      await hinting(
        approved
          ? client.send(new SendTaskSuccessCommand({ taskToken, output: "{}" }))
          : client.send(new SendTaskFailureCommand({ taskToken, ...refusal })),
      );
    },
    close() {
      client.destroy();
      s3.destroy();
    },
  };
}

function hinted(error: unknown, place: Place): unknown {
  if (!(error instanceof Error)) return error;
  if (["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"].includes(error.name))
    return new UserError("Nobody waits for this token any more: the repair was answered for, or its time is over.");
  return explained(error, place);
}
