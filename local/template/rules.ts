/** A template's Rules: assertions over parameters, checked before anything is created. */
import { evaluate, type Scope } from "./evaluate.ts";
import { entryOf, type SourceMap, type SourceNode } from "./source.ts";
import { TemplateError } from "./template-error.ts";

export function checkRules(file: string, rules: SourceMap | undefined, scope: Scope): void {
  for (const [name, { line, value: rule }] of rules?.entries ?? []) {
    const condition = entryOf(rule, "RuleCondition");
    if (condition !== undefined && !holds(condition.value, scope)) continue;
    const assertions = entryOf(rule, "Assertions")?.value;
    for (const assertion of assertions?.kind === "list" ? assertions.items : []) {
      const assert = entryOf(assertion, "Assert");
      if (assert === undefined) throw new TemplateError(file, line, `An assertion of the rule ${name} has no Assert.`);
      if (holds(assert.value, scope)) continue;
      const description = entryOf(assertion, "AssertDescription")?.value;
      const reason = description?.kind === "scalar" ? String(description.value) : "its assertion does not hold";
      throw new TemplateError(file, assert.line, `The rule ${name} refuses these parameters: ${reason}`);
    }
  }
}

function holds(node: SourceNode, scope: Scope): boolean {
  return String(evaluate(node, scope)) === "true";
}
