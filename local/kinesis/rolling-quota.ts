/** How often something may be done to a stream within 24 hours. */
import { AwsError } from "../aws-error.ts";
import type { Clock } from "../clock.ts";
import type { Stream } from "./stream.ts";

const dayMs = 24 * 3_600_000;

export interface RollingQuota {
  /** Counts one use, or throws LimitExceededException with that message. */
  use(stream: Stream, message: string): void;
}

export function rollingQuota(clock: Pick<Clock, "now">, perDay: number): RollingQuota {
  const uses = new WeakMap<Stream, readonly number[]>();
  return {
    use(stream, message) {
      const recent = (uses.get(stream) ?? []).filter((atMs) => atMs > clock.now() - dayMs);
      if (recent.length >= perDay) throw new AwsError("LimitExceededException", message);
      uses.set(stream, [...recent, clock.now()]);
    },
  };
}
