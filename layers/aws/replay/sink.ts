import type { Position, StreamRecord } from "@millrace/engine";

/** Where a replay puts records again, as lines of the archive. */
export interface RecordSink {
  /** Throws when what could be put was not: the same records are then put again, which does no harm. */
  put(records: readonly StreamRecord[]): Promise<Sunk>;
}

export interface Sunk {
  readonly records: number;
  readonly bytes: number;
  /** Too large for the sink, even packed. They stay where they are. */
  readonly oversize: readonly Position[];
}
