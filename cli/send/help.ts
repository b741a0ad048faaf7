import { DEFAULT_PORT } from "../dev/options.ts";

export const HELP = `npm run send -- --stack NAME | --endpoint URL  --input FILE… [options]

Puts events on a Kinesis stream. Each becomes one record whose partition key is the field that the definitions name; its bytes
are those of the file (a CSV row becomes a JSON object of its cells). Paths are meant from where you stand.

  --stack NAME        the stream of a deployed stack (its output EventStreamName), with your AWS credentials and region
  --endpoint URL      a running local runtime, such as http://127.0.0.1:${DEFAULT_PORT} (npm run dev)
  --stream NAME       another stream than the stack's; with --endpoint the default is event-stream
  --input FILE…       NDJSON, a JSON array, or CSV with a header line; each also as .gz
  --rate N            at most N records per second
  --definitions DIR   the folder with the event schema and the features (default: definitions)
  --help              this text

Only refused records are sent again, with growing pauses. One call is under way at a time, and what it refused goes before
whatever comes after it: two records with one key can only change places when both stood in one call (at most 500 records) and
the first was refused. A call whose answer is lost is sent again too, so a record may arrive twice; the pipeline counts it once.

Exit code: 0 everything was sent, 1 something was not, 2 the command was not understood.
`;
