import { DEFAULT_PORT } from "../dev/options.ts";
import { DEFAULT_OUT } from "../start/options.ts";

export const HELP = `npm run capture -- EVENT_ID [options]

Makes a regression test of an event: writes its first record, exact bytes and all, to test/captured with what the code makes of it
now. Correct that to what it must make; npm test holds the code to it from then on.

  --out DIR           a finished run of npm start (default: ${DEFAULT_OUT})
  --endpoint URL      a running local runtime, such as http://127.0.0.1:${DEFAULT_PORT} (npm run dev)
  --stack NAME        a deployed stack, with your AWS credentials and region
  --days FROM..TO     only these days of event time and arrival, as 2026-03-01..2026-03-02 or one day
  --definitions DIR   the folder with the event schema and the features (default: definitions)
  --json              print it, and write nothing
  --help              this text

The record holds real data: take out what must not be shared before you commit it.
Exit code: 0 it was found, 1 it was not, 2 the command was not understood.
`;
