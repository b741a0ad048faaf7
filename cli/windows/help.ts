export const HELP = `npm run windows -- --input FILE… [options]

Evaluates every window of the definitions over the events of files, and prints each as a line of JSON on standard output:
view, entity, start and end of the window, and its features. The lines come in the order of these, whatever the order of the
events. Nothing is late, each event counts once, and all is kept in memory. Paths are meant from where you stand.

  --input FILE…        your events: NDJSON, a JSON array, or CSV with a header line; each also as .gz
  --map FILE           how records of another form become events (npm start -- --help explains maps)
  --definitions DIR    the folder with the event schema and the features (default: definitions)
  --view NAME          this view only; may be given several times
  --help               this text

A record that is no event is left out, and named on standard error with its file and line.
npm adds two lines of its own to standard output unless told: npm run --silent windows -- …

Exit code: 0 done, 1 the run failed, 2 the command was not understood or records were left out.
`;
