import { DEFAULT_PORT } from "../dev/options.ts";
import { DEFAULT_OUT } from "../start/options.ts";

export const HELP = `npm run trace -- EVENT_ID [options]

Where one event is, and what became of it: its positions on the stream, its raw lines, its rows in the lake, what each view did with
it, quarantine, failed batches, and the alerts whose windows hold it.

  --out DIR           a finished run of npm start (default: ${DEFAULT_OUT})
  --endpoint URL      a running local runtime, such as http://127.0.0.1:${DEFAULT_PORT} (npm run dev)
  --stack NAME        a deployed stack, with your AWS credentials and region
  --days FROM..TO     only these days of event time and arrival, as 2026-03-01..2026-03-02 or one day; without it the whole lake is
                      searched, which costs on AWS
  --definitions DIR   the folder with the event schema and the features (default: definitions)
  --json              as JSON
  --help              this text

Exit code: 0 it was found, 1 it was not, 2 the command was not understood.
`;
