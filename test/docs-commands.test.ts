/** What the documents tell people to type is understood by what they type it to. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { parseOptions as parseReconcile } from "../cli/reconcile/options.ts";
import { parseOptions as parseReplay } from "../cli/replay/options.ts";
import { parseOptions as parseSend } from "../cli/send/options.ts";
import { parseOptions as parseTrace } from "../cli/trace/options.ts";

const files = ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: projectDir }).sort()];
const texts = files.map((file) => ({ file, text: readFileSync(join(projectDir, file), "utf8") }));
const { scripts } = JSON.parse(readFileSync(join(projectDir, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

const parsers: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  // Where the sample of messages lies.
  replay: (args) => parseReplay(args, join(projectDir, "events")),
  reconcile: parseReconcile,
  send: (args) => parseSend(args, "/"),
  trace: (args) => parseTrace(args, "/"),
  capture: (args) => parseTrace(args, "/", "capture"),
};

describe("commands in the documents", () => {
  it.each(texts)("$file names only scripts that there are", ({ text }) => {
    const named = [...text.matchAll(/npm run (?:-s |--silent )?([a-z]+)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  const commands = texts.flatMap(({ file, text }) =>
    Object.keys(parsers).flatMap((name) =>
      [...text.matchAll(new RegExp(`npm run ${name} -- ([^\\n\`#|]+)`, "g"))].map(([, args = ""]) => ({
        file,
        name,
        args: args.trim(),
      })),
    ),
  );

  it("are found", () => {
    expect(new Set(commands.map(({ name }) => name))).toEqual(new Set(Object.keys(parsers)));
  });

  it.each(commands)("$file: npm run $name -- $args", ({ name, args }) => {
    const typed = args.replaceAll("…", "2026-03-01").split(/\s+/);
    expect(() => parsers[name]?.(typed)).not.toThrow();
  });
});
