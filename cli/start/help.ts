import { faultsHelp } from "../faults/faults-option.ts";
import { REDELIVERED_SHARE, SHARES } from "../sample-day/fate.ts";

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

export const HELP = `npm start -- [options]

Streams events through the whole pipeline of template.yaml on this machine, in virtual time, and reports what came out.
Without --input it makes a sample day of shoppers. Paths are meant from where you stand.

  --input FILE…        your events: NDJSON, a JSON array, or CSV with a header line; each also as .gz
  --map FILE           how records of another form become events (see below)
  --order ORDER        file (default): records arrive in the order of the files
                       event-time: sorted by event time first, in memory, so that nothing is late
  --definitions DIR    the folder with the event schema and the features (default: definitions)
  --out DIR            where results go (default: .millrace/start). Emptied first if an earlier run made it;
                       a folder that holds anything else is refused
  --events N           how many events the sample day has (default: 50000)
  --seed N             what all randomness follows from: the same seed, the same bytes (default: 1)
  --shards N           how many shards the stream has (default: 2)
  --unlimited          a shard takes any amount at once. Without it, 1 MiB and 1,000 records per second as on AWS: records that come
                       faster arrive later, in their order, and the report says so
  --faults LIST        lets things go wrong, by the seed: all, or NAME=RATE,… with rates from 0 to 1 (see below). The report counts them
  --json               print the report as JSON on standard output, and nothing else there
                       (npm adds two lines of its own unless told: npm start --silent -- --json)
  --help               this text

Arrival: data rarely says when an event reached the stream. Then it arrives at the greatest event time seen so far, which
keeps the disorder of the file: an event behind another is late by the difference. A wrong date does not make late what follows
it: a time more than a day ahead moves the clock only if most of the next 100 are there too (or, as the last of all, if it is
within a year), and one outside the years 1970 to 2199 never does; such a record arrives with the one before it.

The sample day, in shares of its events: ${percent(SHARES.late)} late but in time, ${percent(SHARES.too_late)} too late, ${percent(SHARES.out_of_order)} out of order,
${percent(SHARES.repeated)} sent twice by their producer, ${percent(SHARES.malformed)} not JSON, ${percent(SHARES.violation)} against the schema, ${percent(SHARES.future)} from the future,
${percent(SHARES.wrong_key)} under a wrong key; and ${percent(REDELIVERED_SHARE)} of the batches are delivered again because their answer is lost.

Faults, with their usual rates, which NAME alone means; "all,crash=0.1" is all with one of them changed:

${faultsHelp()}

A map is a YAML (or JSON) file with one JSONata expression (https://jsonata.org) for each field of the event:

  id: content-hash               # or file-position, or give the field, here fields.event_id
  events: items                  # optional: one record holds many events; here each element of its "items"
  arrival_time: received_at      # optional: when it reached the stream, RFC 3339 or epoch milliseconds
  fields:
    event_type: '"view_item"'    # a fixed text is a quoted JSONata string
    event_time: $replace(when, " ", "T") & "Z"
    user_id: customer            # a column or key of the record
    item_id: sku
    page:
      url: link                  # nested as in the event

  With "events", the element is what expressions look at; $record is the whole record and $index the element's number.
  A field that comes out undefined is left out. CSV values are text: $number(x) makes a number.
  An id decides what counts as the same event:
    content-hash     a hash of the record's content. Two records that are equal to the last character count ONCE, even if they
                     were two genuine events; reading a file twice changes nothing.
    file-position    the file's name and line. Equal records count TWICE, even if one is a copy of the other; the same data in
                     another file or order counts again.
  Ready maps: examples/maps.

Records that cannot be read or mapped go on the stream as they are; the pipeline puts them into quarantine, and the report names
their files and lines. A record larger than the stream takes (1 MiB with its key) cannot go there: the report names it, and the
exit code is 1.

Exit code: 0 everything adds up, 1 it does not or the run failed, 2 the command was not understood, 130 stopped by Ctrl-C,
143 by SIGTERM.
`;
