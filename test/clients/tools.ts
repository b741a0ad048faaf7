/** Clients that are not ours, from the folder that MILLRACE_CLIENT_TOOLS names. One that is missing fails the test that wants it. */
import { execFile } from "node:child_process";
import { join } from "node:path";

export interface Clients {
  /** The AWS CLI's standard output. */
  aws(...args: readonly string[]): Promise<string>;
  /** The standard output of a script of this folder. */
  python(script: string, args?: readonly string[], input?: string): Promise<string>;
}

/** Everything that a person would set, and nothing of this machine's own configuration. */
export function clientsOf(tools: string, url: string): Clients {
  const env = {
    PATH: process.env.PATH,
    HOME: import.meta.dirname,
    AWS_ENDPOINT_URL: url,
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_PAGER: "",
  };
  const run = (tool: string, args: readonly string[], input = ""): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { env, cwd: import.meta.dirname, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(join(tools, tool), args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${tool} ${args.join(" ")}: ${error.message}\n${stderr}`));
      });
      child.stdin?.end(input);
    });
  return {
    aws: (...args) => run("aws", args),
    python: (script, args = [], input) => run("python", ["-B", join(import.meta.dirname, script), ...args], input),
  };
}
