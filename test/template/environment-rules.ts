/** Names that are written twice, in code and in the template, and must agree. */
import { at, resourcesOf, type Template } from "./template.ts";

/** A function's own source text by logical id; null where its folder has no handler.ts. */
export type Sources = { readonly [id: string]: string | null };

/** Every variable that a function reads is declared, and every declared one is read. Lambda and Powertools bring their own. */
export function environmentsMatchTheCode(template: Template, sources: Sources): readonly string[] {
  const common = Object.keys((at(template.Globals, "Function", "Environment", "Variables") ?? {}) as object);
  return resourcesOf(template, "AWS::Serverless::Function").flatMap(([id, { Properties }]) => {
    const source = sources[id] ?? null;
    if (source === null) return [`${id}: ${String(at(Properties, "CodeUri"))} has no handler.ts`];
    const own = Object.keys((at(Properties, "Environment", "Variables") ?? {}) as object);
    const read = variablesReadBy(source);
    return [
      ...read
        .filter((name) => ![...common, ...own].includes(name))
        .map((name) => `${id}: reads ${name}, which the template does not set`),
      ...own
        .filter((name) => !read.includes(name) && !broughtAlong(name))
        .map((name) => `${id}: ${name} is set in the template and read nowhere`),
    ];
  });
}

/** `--parameter-overrides` of samconfig.toml name parameters that exist, with values that they allow. */
export function overridesExist(template: Template, samconfig: string): readonly string[] {
  return [...samconfig.matchAll(/^\s*(?:# )?"(\w+)=([^"]*)",/gm)].flatMap(([, name = "", value = ""]) => {
    const parameter = template.Parameters[name];
    if (parameter === undefined) return [`samconfig.toml: template.yaml has no parameter ${name}`];
    const allowed = parameter.AllowedValues?.map(String).includes(value) ?? true;
    const inRange = !(
      Number(value) < (parameter.MinValue ?? Number.NEGATIVE_INFINITY) ||
      Number(value) > (parameter.MaxValue ?? Number.POSITIVE_INFINITY)
    );
    return allowed && inRange ? [] : [`samconfig.toml: ${name} cannot be ${value}`];
  });
}

/** Names in capitals with an underscore, as text or as a property of an environment: "FEATURES_TABLE", env.FEATURES_TABLE. */
function variablesReadBy(source: string): readonly string[] {
  const names = [...source.matchAll(/(?:["']|\benv\.)([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g)].map(([, name = ""]) => name);
  return [...new Set(names)].filter((name) => !broughtAlong(name));
}

function broughtAlong(name: string): boolean {
  return /^(AWS|LAMBDA|POWERTOOLS|NODE)_/.test(name);
}
