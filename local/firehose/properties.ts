/**
 * Reads resolved CloudFormation properties and collects everything that is wrong, so that one run of the local runtime
 * shows all mistakes of a resource at once. CloudFormation passes parameters as text, so "128" is a number here.
 */
export type Properties = { readonly [name: string]: unknown };

/** A property of an object that came with the resource, which need not have it. */
export type Place = readonly [container: object, key: string];

export interface Problem {
  readonly text: string;
  /** Null: the resource as a whole. */
  readonly place: Place | null;
}

export class DeliverySettingsError extends Error {
  override readonly name = "DeliverySettingsError";
  /** For those who know the lines. Empty where the message is about the resource as a whole. */
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[] = []) {
    super(message);
    this.problems = problems;
  }
}

export interface PropertyReader {
  problem(text: string, ...place: Place | []): void;
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
  /** Of an object that a reader made from others: where a property of it comes from. */
  comesFrom(made: Properties, key: string, place: Place): void;
}

export function propertyReader(resource: string): PropertyReader {
  const problems: Problem[] = [];
  const origins = new WeakMap<object, Map<string, Place>>();
  const originOf = ([container, key]: Place): Place => origins.get(container)?.get(key) ?? [container, key];
  const problem: PropertyReader["problem"] = (text, ...place) =>
    void problems.push({ text, place: place.length === 0 ? null : originOf(place) });
  const known = (path: string, object: Properties, names: readonly string[]): void => {
    for (const name of Object.keys(object)) {
      if (!names.includes(name))
        problem(`${path}${name} is not supported by the local runtime; remove it or check its spelling`, object, name);
    }
  };
  const wrong = (parent: Properties, name: string, expected: string): void =>
    problem(`${name}: expected ${expected}, got ${JSON.stringify(parent[name])}`, parent, name);

  const reader: PropertyReader = {
    problem,
    known,
    comesFrom: (made, key, place) =>
      void origins.set(made, (origins.get(made) ?? new Map<string, Place>()).set(key, place)),
    finish() {
      if (problems.length === 0) return;
      throw new DeliverySettingsError(`Delivery stream "${resource}":${listOf(problems)}`, problems);
    },
    object(parent, name, names) {
      const value = parent[name] ?? {};
      if (!isObject(value)) {
        wrong(parent, name, "an object");
        return {};
      }
      known(`${name}.`, value, names);
      return value;
    },
    text(parent, name) {
      const value = parent[name];
      if (value === undefined || value === null) return undefined;
      if (typeof value === "string") return value;
      wrong(parent, name, "a string");
      return undefined;
    },
    required(parent, name) {
      const value = reader.text(parent, name);
      if (value === undefined || value === "") problem(`${name} is missing`, parent, name);
      return value ?? "";
    },
    number(parent, name, { min, max }) {
      const value = parent[name];
      if (value === undefined || value === null) return undefined;
      const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
      if (typeof number === "number" && number >= min && number <= max) return number;
      wrong(parent, name, `a number from ${min} to ${max}`);
      return undefined;
    },
    flag(parent, name) {
      const value = parent[name] ?? false;
      if (value !== true && value !== false && value !== "true" && value !== "false")
        wrong(parent, name, "true or false");
      return value === true || value === "true";
    },
    list(parent, name) {
      const value = parent[name] ?? [];
      if (Array.isArray(value)) return value;
      wrong(parent, name, "a list");
      return [];
    },
  };
  return reader;
}

function listOf(problems: readonly Problem[]): string {
  return problems.length === 1 ? ` ${problems[0]?.text}` : problems.map(({ text }) => `\n  - ${text}`).join("");
}

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
