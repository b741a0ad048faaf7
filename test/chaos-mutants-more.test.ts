import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { HALF, mutants } from "./chaos/mutants.ts";
import { expectSeen } from "./chaos/sees.ts";

const folder = "test-mutants-more";
afterAll(() => rmSync(join(projectDir, ".millrace", folder), { recursive: true, force: true }));

describe("chaos sees a pipeline, too, in which", { timeout: 300_000 }, () => {
  it.each(mutants.slice(HALF))("$name", (mutant) => expectSeen(mutant, folder));
});
