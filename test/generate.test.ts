import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultDefinitionsDir, projectDir } from "../cli/definitions.ts";
import { generate } from "../cli/generate.ts";
import { compileSchema } from "../cli/schema/compile.ts";
import { UserError } from "../cli/user-error.ts";
import { schemas } from "./schema-arbitraries.ts";
import { shopDir } from "./shop.ts";

const sensorsDir = join(projectDir, "examples", "definitions-sensors");
const templatePath = join(projectDir, "template.yaml");
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-generate-"));
  cpSync(sensorsDir, dir, { recursive: true });
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("what is committed", () => {
  it("is what generate would write: definitions and template", async () => {
    expect(await generate({ dir: defaultDefinitionsDir, templatePath, mode: "check" })).toEqual([]);
  });

  it.each([
    ["the sensors example", sensorsDir],
    ["the shop of the tests", shopDir],
  ])("is what generate would write: %s", async (_what, committed) => {
    expect(await generate({ dir: committed, templatePath: null, mode: "check" })).toEqual([]);
  });
});

describe("the drift check", () => {
  it.each(["event.ts", "lake.json"])("sees a change in generated/%s", async (name) => {
    const path = join(dir, "generated", name);
    writeFileSync(path, `${readFileSync(path, "utf8")}\n`);
    expect(await generate({ dir, templatePath: null, mode: "check" })).toEqual([path]);
    expect(await generate({ dir, templatePath: null, mode: "write" })).toEqual([path]);
    expect(await generate({ dir, templatePath: null, mode: "check" })).toEqual([]);
  });

  it("sees a generated file that is missing, and a schema that moved on", async () => {
    rmSync(join(dir, "generated"), { recursive: true });
    expect(await generate({ dir, templatePath: null, mode: "check" })).toHaveLength(2);
    await generate({ dir, templatePath: null, mode: "write" });
    changeSchema((schema) => {
      schema.properties.firmware = { type: "string", maxLength: 16 };
    });
    expect(await generate({ dir, templatePath: null, mode: "check" })).toHaveLength(2);
  });

  it("sees a generated region of the template that was edited by hand", async () => {
    const copy = join(dir, "template.yaml");
    cpSync(templatePath, copy);
    await generate({ dir, templatePath: copy, mode: "write" });
    const written = readFileSync(copy, "utf8");
    expect(written).toContain("{ Name: value,");
    writeFileSync(copy, written.replace("{ Name: value,", "{ Name: values,"));
    expect(await generate({ dir, templatePath: copy, mode: "check" })).toEqual([copy]);
    await generate({ dir, templatePath: copy, mode: "write" });
    expect(readFileSync(copy, "utf8")).toBe(written);
  });

  it("says which template is missing", async () => {
    const missing = join(dir, "none.yaml");
    await expect(generate({ dir, templatePath: missing, mode: "check" })).rejects.toThrow(`${missing} not found`);
  });
});

describe("a breaking change", () => {
  const breaking: readonly [string, (schema: Schema) => unknown, string][] = [
    ["a removed column", (schema) => delete schema.properties.cycles, "the column cycles (bigint) is removed"],
    [
      "a renamed column",
      (schema) => Object.assign(schema.properties.alarm ?? {}, { "x-column": "alert" }),
      "the column alarm (boolean) is removed",
    ],
    [
      "a retyped column",
      (schema) => Object.assign(schema.properties.alarm ?? {}, { type: "string" }),
      "the column alarm changes its type from boolean to string",
    ],
    [
      "another scale",
      (schema) => Object.assign(schema.properties.value ?? {}, { "x-scale": 2 }),
      "the column value changes its type from decimal(18,4) to decimal(18,2)",
    ],
    ["a new required field", (schema) => schema.required.push("cycles"), "the field cycles becomes required"],
    [
      "a new required field that is no column",
      (schema) =>
        Object.assign(schema.properties.position ?? {}, {
          required: ["lat", "lon", "alt"],
          properties: { lat: { type: "number" }, lon: { type: "number" }, alt: { type: "number" } },
        }),
      "the field position.alt becomes required",
    ],
    [
      "other partition keys",
      (schema) => delete schema.properties.site?.["x-partition"],
      "the partition keys besides dt and hour change from site to none",
    ],
  ];

  it.each(breaking)("is refused and named, and written when told: %s", async (_what, change, sentence) => {
    changeSchema(change);
    // Features and metrics may name what is gone; this is about the schema.
    const before = readFileSync(join(dir, "generated", "lake.json"), "utf8");
    rmSync(join(dir, "metrics.ts"));
    writeFileSync(join(dir, "features.ts"), minimalFeatures);
    const refusal = await generate({ dir, templatePath: null, mode: "write" }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UserError);
    expect((refusal as UserError).message).toContain(`\n  ${sentence}\n`);
    expect((refusal as UserError).message).toContain("--allow-breaking");
    expect(readFileSync(join(dir, "generated", "lake.json"), "utf8")).toBe(before);

    expect(await generate({ dir, templatePath: null, mode: "allow-breaking" })).not.toEqual([]);
    expect(await generate({ dir, templatePath: null, mode: "write" })).toEqual([]);
  });

  it("is measured against the commit, not against what an earlier run left on disk", async () => {
    const git = (...args: string[]) => expect(spawnSync("git", ["-C", dir, ...args]).status).toBe(0);
    git("init", "-q");
    git("add", ".");
    git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "as it was");
    changeSchema((schema) => delete schema.properties.cycles);
    await generate({ dir, templatePath: null, mode: "allow-breaking" });
    changeSchema((schema) => Object.assign(schema.properties, { more: { type: "string" } }));
    await expect(generate({ dir, templatePath: null, mode: "write" })).rejects.toThrow(
      "the column cycles (bigint) is removed",
    );
  });

  it("is not what a new optional field, another order or a wider rule is", async () => {
    changeSchema((schema) => {
      schema.properties = { more: { type: ["string", "null"] }, ...schema.properties };
      Object.assign(schema.properties.tags ?? {}, { maxItems: 99 });
      schema.required = schema.required.filter((name) => name !== "value");
    });
    expect(await generate({ dir, templatePath: null, mode: "write" })).toHaveLength(2);
  });
});

describe("generated code", () => {
  it("satisfies the project's strict types, whatever the fields are called", () => {
    const folder = mkdtempSync(join(projectDir, "node_modules", ".millrace-types-"));
    try {
      writeFileSync(join(folder, "event.ts"), compileSchema(schemas.nasty).eventSource);
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ extends: "../../tsconfig.json", include: ["event.ts"] }),
      );
      const tsc = join(projectDir, "node_modules", "typescript", "bin", "tsc");
      const { stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", folder], { encoding: "utf8" });
      expect(stdout).toBe("");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("npm run generate", () => {
  it("tells a mistake in one line and by its exit code", () => {
    mkdirSync(join(dir, "empty"));
    const { status, stderr } = run("--definitions", join(dir, "empty"));
    expect([status, stderr]).toEqual([
      1,
      `${join(dir, "empty", "event.schema.json")} not found: a definitions folder holds event.schema.json and features.ts.\n`,
    ]);
    expect(run("--nonsense").status).toBe(2);
  });

  it("checks without writing, with the command to run", () => {
    writeFileSync(join(dir, "generated", "event.ts"), "");
    const { status, stderr } = run("--definitions", dir, "--check");
    expect([status, stderr.includes(`npm run generate -- --definitions ${dir}`)]).toEqual([1, true]);
    expect(readFileSync(join(dir, "generated", "event.ts"), "utf8")).toBe("");
    expect(run("--definitions", dir).status).toBe(0);
    expect(run("--definitions", dir, "--check").stdout).toBe("Everything generated is up to date.\n");
  });
});

interface Schema {
  required: string[];
  properties: Record<string, Record<string, unknown>>;
}

const minimalFeatures = `import { count, defineFeatures, defineView, minutes, tumbling } from "@millrace/engine";
export const features = defineFeatures({ partitionKey: "machine_id", allowedLatenessMs: 1000, maxSkewMs: 1000, views: [
  defineView("machines", { entity: "machine_id", features: [count("n", { windows: [tumbling(minutes(1))] })] }),
] });
`;

function changeSchema(change: (schema: Schema) => unknown): void {
  const path = join(dir, "event.schema.json");
  const schema = JSON.parse(readFileSync(path, "utf8")) as Schema;
  change(schema);
  writeFileSync(path, JSON.stringify(schema));
}

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(projectDir, "cli", "generate.ts"), ...args], { encoding: "utf8" });
}
