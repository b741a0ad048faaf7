import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";

/** What a person says to a replay under way; it looks before each piece of work. */
export interface ReplayControl {
  paused(execution: string): Promise<boolean>;
  /** Makes the place where it is said; what somebody said already stays. */
  open(execution: string): Promise<void>;
}

/** Where the files of one execution lie in the lake's bucket. */
export function replayWork(execution: string): string {
  return `work/replay/${execution}/`;
}

export function controlKey(execution: string): string {
  return `${replayWork(execution)}control.json`;
}

/** An object beside the replay's other files: `{"paused": true}`. */
export function s3ReplayControl(s3: Pick<S3Client, "send">, bucket: string): ReplayControl {
  return {
    async paused(execution) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: controlKey(execution) }));
      const said: unknown = JSON.parse((await Body?.transformToString()) ?? "{}");
      return (said as { readonly paused?: unknown } | null)?.paused === true;
    },
    async open(execution) {
      const place = { Bucket: bucket, Key: controlKey(execution) };
      try {
        await s3.send(new PutObjectCommand({ ...place, Body: JSON.stringify({ paused: false }), IfNoneMatch: "*" }));
      } catch (error) {
        if (!(error instanceof Error && error.name === "PreconditionFailed")) throw error;
      }
    },
  };
}
