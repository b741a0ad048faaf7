import { RECORDS_PER_SECOND, REPLAY_SOURCES, REPLAY_TARGETS, TYPE_COLUMN } from "@millrace/aws";
import { DEFAULT_PORT } from "../dev/options.ts";

export const HELP = `npm run replay -- --source SOURCE --target TARGET --from TIME --to TIME [options]
npm run replay -- --status NAME [--rate N] | --pause NAME | --resume NAME | --redrive NAME

Puts records again that something has lost or made wrong. What is whole stays as it is, however often, while traffic goes on.
docs/replay.md has the table of sources and targets.

  --source SOURCE     where the records come from: ${REPLAY_SOURCES.join(", ")}
  --target TARGET     what is repaired: ${REPLAY_TARGETS.join(", ")}
  --from TIME         arrival of the first record, such as 2026-03-01 or 2026-03-01T10:00:00Z; (stream) no longer ago than it keeps them
  --to TIME           arrival before which the last one came; (metrics) both are whole hours of event time that are over
  --entity KEY        only records with this partition key, or (features) this entity of --view; any number of times
  --view NAME         (features) only this view
  --raise latest      (features) every entity, with all that the lake and the stream have: after the loss of the table, for a
                      new view or version. Otherwise the entities with an event in the time are made anew as far as their marks go
  --lake as-it-is     (features) items are written also where the lake lacks records of the archive; otherwise that is refused, with
                      the command that brings them back
  --type TYPE         only events of this type (the column ${TYPE_COLUMN}), such as purchase; any number of times: one of them
  --where COL=VALUE   only events whose column has this value, such as region=EU; any number of times: all of them
  --reason REASON     (quarantine) only what is there for this reason; any number of times
  --batch FILE        (failed) the batches of these messages, of an SQS or SNS destination, as JSON; any number of times. Without it:
                      those in the failed bucket. --from and --to may be left out
  --rate N            at most N records per second in all (default: ${RECORDS_PER_SECOND}); (features, metrics) rows of the lake that
                      are worked through (default: as fast as it goes)
  --dry-run           count and estimate only
  --name NAME         tells it from the same replay done before, which is not done again otherwise

  --status NAME       how far a replay is; with --rate N it goes on at this rate after what is under way
  --pause NAME        it stops after what is under way, and waits
  --resume NAME       it goes on
  --redrive NAME      a failed one goes on with what is missing

  --stack NAME        of a deployed stack, with your AWS credentials and region
  --endpoint URL      of a running local runtime (default: http://127.0.0.1:${DEFAULT_PORT}, npm run dev)
  --no-wait           do not follow it to its end; it goes on by itself
  --help              this text

Exit code: 0 done, or done before; 1 it failed; 2 the command was not understood.
`;
