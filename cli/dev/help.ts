import { DEFAULT_PORT } from "./options.ts";

const COMMON_HELP = `  --definitions DIR    the folder with the event schema and the features (default: definitions)
  --param Name=Value   a parameter of template.yaml; may be given several times`;

export const DEV_HELP = `npm run dev -- [options]

Runs template.yaml on this machine in real time until Ctrl-C, for the AWS CLI, boto3, any SDK client, and npm run send.
The stream and the tables live in memory; objects and logs are plain files under --out. An edit of functions/, layers/ or the
definitions is built and loaded at once; one that does not build is told, and what was loaded before goes on.

  --port N             where it listens on 127.0.0.1 (default: ${DEFAULT_PORT}; 0 = any free port); the HTTP API has the next port,
                       and the dashboard the one after
${COMMON_HELP}
  --out DIR            where objects and logs go (default: .millrace/dev). Emptied first if an earlier run made it;
                       a folder that holds anything else is refused
  --help               this text
`;

export const INVOKE_HELP = `npm run invoke -- <LogicalId> <event.json> [options]

Builds one function of template.yaml and runs it once with that event, without Docker. Its answer goes to standard output, its logs to
standard error. It works on the runtime that AWS_ENDPOINT_URL names or that listens on port ${DEFAULT_PORT} (npm run dev), if
one answers; else on an empty one of its own, which is gone afterwards.

${COMMON_HELP}
  --out DIR            where its logs and its own runtime's objects go (default: .millrace/invoke). Emptied first if an
                       earlier run made it; a folder that holds anything else is refused
  --help               this text

Exit code: 0 the function answered, 1 it failed, 2 the command was not understood.
`;
