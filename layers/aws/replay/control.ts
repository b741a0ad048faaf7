import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { isRate } from "./request.ts";
import { unlessThere } from "./unless-there.ts";

/** What a person says to a replay under way; it looks before each piece of work. */
export interface ReplayControl {
  said(execution: string): Promise<ReplaySaid>;
  /** Adds to what was said before. */
  say(execution: string, change: Partial<ReplaySaid>): Promise<void>;
  /** Makes the place where it is said; what somebody said already stays. */
  open(execution: string): Promise<void>;
}

export interface ReplaySaid {
  readonly paused: boolean;
  /** In all, at most, from now on; null: as the request has it. */
  readonly recordsPerSecond: number | null;
}

/** Where the files of one execution lie in the lake's bucket. */
export function replayWork(execution: string): string {
  return `work/replay/${execution}/`;
}

export function controlKey(execution: string): string {
  return `${replayWork(execution)}control.json`;
}

/** An object beside the replay's other files: `{"paused": true, "recordsPerSecond": 500}`. */
export function s3ReplayControl(s3: Pick<S3Client, "send">, bucket: string): ReplayControl {
  const put = (execution: string, said: ReplaySaid, condition: { readonly IfNoneMatch?: "*" } = {}) =>
    s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: controlKey(execution), Body: JSON.stringify(said), ...condition }),
    );
  const control: ReplayControl = {
    async said(execution) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: controlKey(execution) }));
      const written = JSON.parse((await Body?.transformToString()) ?? "{}") as {
        readonly [field: string]: unknown;
      } | null;
      const { paused, recordsPerSecond } = written ?? {};
      return { paused: paused === true, recordsPerSecond: isRate(recordsPerSecond) ? recordsPerSecond : null };
    },
    async say(execution, change) {
      await put(execution, { ...(await control.said(execution)), ...change });
    },
    open: (execution) => unlessThere(put(execution, { paused: false, recordsPerSecond: null }, { IfNoneMatch: "*" })),
  };
  return control;
}
