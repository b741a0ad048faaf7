/**
 * Builds a function from sources that differ from those on disk: how a test asks whether it would see a fault in the pipeline. An edit whose text
 * is not there, or is there twice, fails the build, so that no edit passes unnoticed when the source changes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

export interface SourceEdit {
  /** From the project's folder, such as `functions/update-features/commit.ts`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export function sourceEdits(edits: readonly SourceEdit[], projectDir: string): Plugin {
  const texts = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const path = join(projectDir, file);
    const text = texts.get(path) ?? readFileSync(path, "utf8");
    const found = text.split(from).length - 1;
    if (found !== 1) throw new Error(`${file}: expected the text of an edit once, found it ${found} times: ${from}`);
    // A function, because `$&` and the like mean something in a replacement text.
    texts.set(
      path,
      text.replace(from, () => to),
    );
  }
  return {
    name: "source-edits",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = texts.get(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}
