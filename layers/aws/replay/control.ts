import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";

/** What a person says to a replay under way; it looks before each piece of work. */
export interface ReplayControl {
  paused(execution: string): Promise<boolean>;
}

/** Where the files of one execution lie in the lake's bucket. */
export function replayWork(execution: string): string {
  return `work/replay/${execution}/`;
}

export function controlKey(execution: string): string {
  return `${replayWork(execution)}control.json`;
}

/** An object beside the replay's other files: `{"paused": true}`. None at all means that nobody said anything. */
export function s3ReplayControl(s3: Pick<S3Client, "send">, bucket: string): ReplayControl {
  return {
    async paused(execution) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: controlKey(execution) }));
        const said: unknown = JSON.parse((await Body?.transformToString()) ?? "{}");
        return (said as { readonly paused?: unknown } | null)?.paused === true;
      } catch (error) {
        if (error instanceof Error && error.name === "NoSuchKey") return false;
        throw error;
      }
    },
  };
}
