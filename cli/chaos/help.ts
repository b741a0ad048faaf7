import { faultsHelp } from "../faults/faults-option.ts";

export const HELP = `npm run chaos -- [options]

Runs random histories through the whole pipeline of template.yaml, in virtual time, while things go wrong: one run per seed. After each it holds
the features of every entity, the counters, the quarantine, the raw archive, the lake, the metrics, the ledger, the alerts on the bus, those acted
on, and what serve answers against what they must be, which it works out by nested loops over the history, without the engine. Histories are made
from the definitions so that events collide: few keys and entities, ties, duplicates, late and future events, jumps of time over which tiles and
fingerprints expire.

  --seeds N           how many runs (default: 20)
  --first-seed N      the seed of the first (default: 1). The same seed, the same run
  --events N          events per run (default: 2000)
  --faults LIST       all (default), or NAME=RATE,… with rates from 0 to 1; NAME alone means its usual rate. "all,crash=0.1" changes one
  --definitions DIR   the folder with the event schema and the features (default: definitions)
  --out DIR           where runs write, and the sequence that shows a difference (default: .millrace/chaos)
  --replay FILE       runs a sequence that was written so
  --help              this text

The faults, with their usual rates:

${faultsHelp()}

On a difference it looks for the shortest sequence of records that still shows one, prints that and writes it to a file.
Exit code: 0 no difference, 1 a difference, 2 the command was not understood.
`;
