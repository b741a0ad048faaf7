import type { Position, StreamRecord } from "@millrace/engine";

/**
 * The end of a stream, from a moment on. It grows as far as it is asked for and is read once; each call gives what it has read on top of
 * the calls before.
 */
export interface StreamTail {
  /** Reads on, in the shards of these positions, up to them, or until it has read as much as it may. */
  upTo(positions: readonly Position[]): Promise<readonly StreamRecord[]>;
  /** Whether it has read all there is up to a position that was asked for. */
  hasReached(position: Position): boolean;
  /** Reads on in all shards, to where the stream ends now. Throws where that is more than it may read. */
  toTip(): Promise<readonly StreamRecord[]>;
}

/** The stream keeps records only so long: from then on they are in the lake alone. */
export class TailGoneError extends Error {
  override readonly name = "TailGoneError";
}
