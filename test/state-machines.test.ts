import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LEASE_MS } from "@millrace/aws";
import validator from "asl-validator";
import { describe, expect, it } from "vitest";
import { createAccess } from "../local/iam/access.ts";
import { readMachines } from "../local/states/read-machines.ts";
import { loadTemplate } from "../local/template/load.ts";
import { projectDir } from "./local-project/project.ts";
import { definitionOf, functionArn, templateOf } from "./local-states/bench.ts";

interface States {
  readonly [name: string]: {
    readonly Type: string;
    readonly TimeoutSeconds?: unknown;
    readonly Label?: string;
    readonly ItemProcessor?: { readonly ProcessorConfig?: { readonly Mode: string }; readonly States: States };
    readonly Branches?: readonly { readonly States: States }[];
  };
}

/** What asl-validator says about each machine. */
function complaints(templatePath: string, templateText: string): readonly string[] {
  const template = loadTemplate({ templatePath, templateText });
  return readMachines(template, createAccess(template).roles, 0).flatMap(({ logicalId, definition }) => {
    const { errors } = validator(definition, { checkPaths: true, checkArn: true });
    return errors.map((error) => `${logicalId}: ${error.Message ?? error.message ?? JSON.stringify(error)}`);
  });
}

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
}

describe("the template's state machines", () => {
  it("are all valid for asl-validator, too", () => {
    const path = join(projectDir, "template.yaml");
    expect(complaints(path, readFileSync(path, "utf8"))).toEqual([]);
  });

  it("let neither a task nor themselves go on for ever, as AWS does for a year", () => {
    const templatePath = join(projectDir, "template.yaml");
    const template = loadTemplate({ templatePath, templateText: readFileSync(templatePath, "utf8") });
    const endless = (where: string, states: States): readonly string[] =>
      Object.entries(states).flatMap(([name, state]) => [
        ...(state.Type === "Task" && state.TimeoutSeconds === undefined ? [`${where}.${name}`] : []),
        ...endless(`${where}.${name}`, state.ItemProcessor?.States ?? {}),
      ]);
    const machines = readMachines(template, createAccess(template).roles, 0).map(({ logicalId, definition }) => {
      const { TimeoutSeconds = 0, States } = definition as unknown as { TimeoutSeconds?: number; States: States };
      return [...(TimeoutSeconds > 0 ? [] : [logicalId]), ...endless(logicalId, States)];
    });
    expect(machines).toEqual([[], []]);
  });

  it("read a shard once more in an execution of its own, whose history has room for it", () => {
    const maps = (States: States): readonly States[string][] =>
      Object.values(States).flatMap((state) => [
        ...(state.Type === "Map" ? [state] : []),
        ...maps(state.ItemProcessor?.States ?? {}),
        ...(state.Branches ?? []).flatMap((branch) => maps(branch.States)),
      ]);
    for (const [machine, label] of [
      ["replay", "Shards"],
      ["reconcile", "shards"],
    ]) {
      const text = readFileSync(join(projectDir, "statemachines", `${machine}.asl.json`), "utf8");
      const reading = maps((JSON.parse(text) as { readonly States: States }).States).filter(({ ItemProcessor }) =>
        JSON.stringify(ItemProcessor?.States).includes("{TallyStream}"),
      );
      expect(reading).toMatchObject([{ Label: label, ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" } } }]);
    }
  });

  it("try to plan a replay again when the claim of a plan that died has run out", () => {
    const text = readFileSync(join(projectDir, "statemachines", "replay.asl.json"), "utf8");
    const { Retry } = (
      JSON.parse(text) as { readonly States: { readonly Plan: { readonly Retry: readonly Retrier[] } } }
    ).States.Plan;
    const held = Retry.find(({ ErrorEquals }) => ErrorEquals.some((name) => /AlreadyInProgress|ALL/.test(name)));
    expect(held).toMatchObject({ ErrorEquals: ["IdempotencyAlreadyInProgressError"] });
    expect(Number(held?.IntervalSeconds) * 1000).toBeGreaterThanOrEqual(LEASE_MS);
  });

  it("may hold a distributed Map with all that this runtime does with one", () => {
    const of = (more: object) => {
      const ItemReader = {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "JSONL", MaxItems: "{% $states.input.most %}" },
        Arguments: { Bucket: "lake", Key: "{% $states.input.key %}" },
      };
      const each = {
        Type: "Map",
        Label: "Each",
        ItemReader,
        ItemSelector: { item: "{% $states.context.Map.Item.Value %}" },
        ItemBatcher: {
          MaxItemsPerBatch: "{% 5 %}",
          MaxInputBytesPerBatch: 1000,
          BatchInput: { day: "{% $states.input.day %}" },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
          StartAt: "Work",
          States: { Work: { Type: "Task", Resource: functionArn, End: true } },
        },
        MaxConcurrency: "{% $states.input.width %}",
        ToleratedFailurePercentage: 10,
        ResultWriter: { Resource: "arn:aws:states:::s3:putObject", Arguments: { Bucket: "lake", Prefix: "out" } },
        End: true,
        ...more,
      };
      return complaints("/somewhere/template.yaml", templateOf(definitionOf({ States: { Each: each } })));
    };
    expect(of({})).toEqual([]);
    expect(of({ Comment: 5 }).length).toBeGreaterThan(0);
  });

  it("would be refused with a mistake that this runtime lets pass", () => {
    const of = (state: object) =>
      complaints("/somewhere/template.yaml", templateOf(definitionOf({ States: { Work: state } })));
    const work = { Type: "Task", Resource: functionArn, Output: "{% $states.result %}", End: true };
    expect(of(work)).toEqual([]);
    expect(of({ ...work, Comment: 5 }).length).toBeGreaterThan(0);
  });
});
