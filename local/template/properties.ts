/** The properties of a mapping in the template, checked as Lambda's API checks them and refused in its words, at their line. */
import type { ValueMap } from "./evaluate.ts";
import type { Template } from "./load.ts";
import { TemplateError } from "./template-error.ts";

export interface Properties {
  raw(property: string): ValueMap[string] | undefined;
  text(property: string): string | undefined;
  integer(property: string, least: number, most: number, fallback: number): number;
  boolean(property: string, fallback: boolean): boolean;
  /** A list of texts of which only these are allowed. */
  texts(property: string, allowed: readonly string[]): readonly string[];
  /** An object inside this one; empty when it is not there. */
  inner(property: string): Properties;
  refuseUnknown(known: string): void;
  fail(property: string, message: string): TemplateError;
}

/** `name` is that of the mapping, or of a part of it. */
export function propertiesOf({ file, lines }: Template, name: string, values: ValueMap, line: number): Properties {
  const lineOf = (property: string) => lines.find(values, property) ?? line;
  const fail = (property: string, message: string) => new TemplateError(file, lineOf(property), `${name}: ${message}`);
  const properties: Properties = {
    fail,
    raw: (property) => values[property],
    text(property) {
      const value = values[property];
      if (value === undefined || typeof value === "string") return value;
      throw fail(property, `${property}: expected a text, got ${JSON.stringify(value)}.`);
    },
    integer(property, least, most, fallback) {
      const written = values[property] ?? fallback;
      const value = Number(written);
      if (!Number.isInteger(value) || typeof written === "object") {
        throw fail(property, `${property}: expected a whole number from ${least} to ${most}, got ${shown(written)}.`);
      }
      if (value < least) throw fail(property, outOfRange(property, value, `greater than or equal to ${least}`));
      if (value > most) throw fail(property, outOfRange(property, value, `less than or equal to ${most}`));
      return value;
    },
    boolean(property, fallback) {
      const value = String(values[property] ?? fallback);
      if (value === "true" || value === "false") return value === "true";
      throw fail(property, `${property}: expected true or false, got ${shown(values[property])}.`);
    },
    texts(property, allowed) {
      const value = values[property] ?? [];
      if (Array.isArray(value) && value.every((item) => allowed.includes(item))) return value;
      throw fail(property, `${property}: expected a list of ${allowed.join(", ")}, got ${shown(value)}.`);
    },
    inner(property) {
      const value = values[property] ?? {};
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        return propertiesOf({ file, lines } as Template, `${name}.${property}`, value as ValueMap, lineOf(property));
      }
      throw fail(property, `${property}: expected an object, got ${shown(value)}.`);
    },
    refuseUnknown(known) {
      const names = known.split(/\s+/);
      for (const property of Object.keys(values)) {
        if (!names.includes(property)) {
          throw fail(property, `There is no property ${property} here; there are ${names.join(", ")}.`);
        }
      }
    },
  };
  return properties;
}

/** Lambda's words for a value that its API's schema does not take. */
export function violation(property: string, value: unknown, constraint: string): string {
  const wireName = property.charAt(0).toLowerCase() + property.slice(1);
  const shownValue = value === undefined ? "null" : `'${value}'`;
  return `ValidationException: 1 validation error detected: Value ${shownValue} at '${wireName}' failed to satisfy constraint: ${constraint}`;
}

export function invalidParameter(message: string): string {
  return `InvalidParameterValueException: ${message}`;
}

function outOfRange(property: string, value: number, bound: string): string {
  return violation(property, value, `Member must have value ${bound}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value);
}
