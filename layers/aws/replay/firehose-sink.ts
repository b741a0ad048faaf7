import { type FirehosePutOptions, putRows } from "../firehose-put.ts";
import { packLine, toRawLine } from "../raw-line.ts";
import type { RecordSink } from "./sink.ts";

/** A delivery stream for Direct PUT whose transform unwraps lines of the archive. */
export function firehoseSink(options: FirehosePutOptions): RecordSink {
  return {
    async put(records) {
      const rows = records.map((record) => ({ position: record.position, row: packLine(toRawLine(record)) }));
      const fitting = rows.flatMap(({ position, row }) => (row === null ? [] : [{ position, row }]));
      const refused = await putRows(options, fitting);
      if (refused.length > 0) {
        throw new Error(
          `${options.deliveryStream} did not take ${refused.length} of ${fitting.length} records: ${refused[0]?.cause}`,
        );
      }
      return {
        records: fitting.length,
        bytes: fitting.reduce((sum, { row }) => sum + row.length, 0),
        oversize: rows.flatMap(({ position, row }) => (row === null ? [position] : [])),
      };
    },
  };
}
