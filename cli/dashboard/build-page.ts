/** The page as one file: script, style and, in a report, its data. It asks nobody for anything but its own server. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import type { Inlined } from "./snapshot.ts";

const folder = join(import.meta.dirname, "page");

export async function buildPage(inlined: Inlined | null): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, "page.ts")],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  const plot = readFileSync(createRequire(import.meta.url).resolve("uplot/dist/uPlot.min.css"), "utf8");
  const style = ["style.css", "machines.css"].map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  const data =
    inlined === null
      ? ""
      : `<script type="application/json" id="inlined">${inScript(JSON.stringify(inlined))}</script>`;
  // Replaced by functions: a "$&" in the text stands for itself.
  return readFileSync(join(folder, "page.html"), "utf8")
    .replace("/* style */", () => plot + style)
    .replace("<!-- data -->", () => data)
    .replace("/* script */", () => (outputFiles[0]?.text ?? "").replaceAll("</script", "<\\/script"));
}

/** No text in the data can end the element that it stands in. */
function inScript(json: string): string {
  return json.replaceAll("<", "\\u003c");
}
