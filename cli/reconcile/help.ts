import { DEFAULT_PORT } from "../dev/options.ts";

export const HELP = `npm run reconcile -- [--stack NAME | --endpoint URL] [options]
npm run reconcile -- --approve TOKEN | --refuse TOKEN [--stack NAME | --endpoint URL]

Starts the machine that reconciles every day, follows it, and prints what it found: whether the archive, the lake and the errors have
what the stream carried, whether features and metrics are those of the lake, and what repairs them. docs/reconcile.md says what each
check means.

  --from TIME         the first arrival hour, such as 2026-03-01 or 2026-03-01T10:00:00Z (default: yesterday, UTC)
  --to TIME           the hour before which it ends (default: a day later). An hour that is not over is waited for
  --active-from TIME  since when every sink was there (default: since the deliveries were created)
  --sample N          compare so many of a thousand entities (1000: all)
  --whole-history     compare with all that the lake ever had of them, and check the items' counters
  --read-stream       read the stream once more, as long as it is retained
  --threshold N       a check fails above so many percent; 0: at any loss
  --self-repair       start the repair without asking
  --approve TOKEN     have it repaired: the token stands in the message, and is printed where a reconciliation asks
  --refuse TOKEN      do not: it ends at once, without a repair

  --stack NAME        of a deployed stack, with your AWS credentials and region
  --endpoint URL      of a running local runtime (default: http://127.0.0.1:${DEFAULT_PORT}, npm run dev). npm start reconciles its own day at its
                      end, and leaves no machine: see its report.html
  --json              print the report as JSON
  --help              this text

What is left out is as the stack's parameters have it (Reconcile… in template.yaml). It goes on when this command is interrupted.

Exit code: 0 it adds up; 1 it does not, or could not be looked at; 2 the command was not understood.
`;
