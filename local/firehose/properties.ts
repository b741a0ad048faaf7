/**
 * Reads resolved CloudFormation properties and collects everything that is wrong, so that one run of the local runtime
 * shows all mistakes of a resource at once. CloudFormation passes parameters as text, so "128" is a number here.
 */
export type Properties = { readonly [name: string]: unknown };

export class DeliverySettingsError extends Error {
  override readonly name = "DeliverySettingsError";
}

export interface PropertyReader {
  problem(text: string): void;
  /** Throws a DeliverySettingsError that lists all problems, if there are any. */
  finish(): void;
  /** The object at this path, with only known names; an absent one is empty. */
  object(parent: Properties, name: string, known: readonly string[]): Properties;
  text(parent: Properties, name: string): string | undefined;
  required(parent: Properties, name: string): string;
  number(parent: Properties, name: string, range: { readonly min: number; readonly max: number }): number | undefined;
  flag(parent: Properties, name: string): boolean;
  list(parent: Properties, name: string): readonly unknown[];
  known(path: string, object: Properties, known: readonly string[]): void;
}

export function propertyReader(resource: string): PropertyReader {
  const problems: string[] = [];
  const problem = (text: string): void => void problems.push(text);
  const known = (path: string, object: Properties, names: readonly string[]): void => {
    for (const name of Object.keys(object)) {
      if (!names.includes(name))
        problem(`${path}${name} is not supported by the local runtime; remove it or check its spelling`);
    }
  };
  const wrong = (name: string, expected: string, value: unknown): void =>
    problem(`${name}: expected ${expected}, got ${JSON.stringify(value)}`);

  const reader: PropertyReader = {
    problem,
    known,
    finish() {
      if (problems.length === 0) return;
      const list = problems.length === 1 ? ` ${problems[0]}` : problems.map((text) => `\n  - ${text}`).join("");
      throw new DeliverySettingsError(`Delivery stream "${resource}":${list}`);
    },
    object(parent, name, names) {
      const value = parent[name] ?? {};
      if (!isObject(value)) {
        wrong(name, "an object", value);
        return {};
      }
      known(`${name}.`, value, names);
      return value;
    },
    text(parent, name) {
      const value = parent[name];
      if (value === undefined || value === null) return undefined;
      if (typeof value === "string") return value;
      wrong(name, "a string", value);
      return undefined;
    },
    required(parent, name) {
      const value = reader.text(parent, name);
      if (value === undefined || value === "") problem(`${name} is missing`);
      return value ?? "";
    },
    number(parent, name, { min, max }) {
      const value = parent[name];
      if (value === undefined || value === null) return undefined;
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      if (typeof number === "number" && number >= min && number <= max) return number;
      wrong(name, `a number from ${min} to ${max}`, value);
      return undefined;
    },
    flag(parent, name) {
      const value = parent[name] ?? false;
      if (value !== true && value !== false && value !== "true" && value !== "false")
        wrong(name, "true or false", value);
      return value === true || value === "true";
    },
    list(parent, name) {
      const value = parent[name] ?? [];
      if (Array.isArray(value)) return value;
      wrong(name, "a list", value);
      return [];
    },
  };
  return reader;
}

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
