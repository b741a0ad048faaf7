import { compileDatePattern, type DateFormat, PatternError } from "./date-pattern.ts";

/**
 * S3 prefixes with expressions `!{namespace:value}`. Times are those of the oldest record in the object.
 * A prefix without any expression gets `yyyy/MM/dd/HH/` appended literally; with one, nothing is appended
 * (documentation and probes differ for prefixes whose only expressions are not timestamps; we follow the probes).
 */
export interface Prefix {
  /** Names used by partitionKeyFromLambda, in order of appearance. */
  readonly partitionKeys: readonly string[];
  readonly namespaces: ReadonlySet<string>;
  evaluate(values: PrefixValues): string;
}

export interface PrefixValues {
  readonly oldestArrivalMs: number;
  readonly partitionKeys: { readonly [name: string]: string };
  readonly errorType: string;
  readonly randomString: () => string;
}

export const MAX_EVALUATED_PREFIX_CHARS = 512;

/** Throws PatternError. `bare` is what a prefix without expressions gets appended. */
export function compilePrefix(
  text: string,
  timeZone: string,
  bare: readonly ((values: PrefixValues) => string)[],
): Prefix {
  const parts: ((values: PrefixValues) => string)[] = [];
  const partitionKeys: string[] = [];
  const namespaces = new Set<string>();
  let end = 0;
  for (const match of text.matchAll(/!\{([^:}]*):([^}]*)\}/g)) {
    const [whole, namespace = "", value = ""] = match;
    parts.push(literal(text.slice(end, match.index), text), expression(namespace, value, timeZone));
    namespaces.add(namespace === "firehose" ? value : namespace);
    if (namespace === "partitionKeyFromLambda" && !partitionKeys.includes(value)) partitionKeys.push(value);
    end = match.index + whole.length;
  }
  parts.push(literal(text.slice(end), text), ...(namespaces.size === 0 ? bare : []));
  return { partitionKeys, namespaces, evaluate: (values) => parts.map((part) => part(values)).join("") };
}

export function arrivalAs(pattern: string, timeZone: string): (values: PrefixValues) => string {
  const format: DateFormat = compileDatePattern(pattern, timeZone);
  return (values) => format(values.oldestArrivalMs);
}

function literal(text: string, whole: string): () => string {
  if (text.includes("!{"))
    throw new PatternError(`"${whole}" has an expression that does not end; write !{namespace:value}`);
  return () => text;
}

function expression(namespace: string, value: string, timeZone: string): (values: PrefixValues) => string {
  if (namespace === "timestamp") return arrivalAs(value, timeZone);
  if (namespace === "partitionKeyFromLambda") return (values) => values.partitionKeys[value] ?? "";
  if (namespace === "firehose" && value === "random-string") return (values) => values.randomString();
  if (namespace === "firehose" && value === "error-output-type") return (values) => values.errorType;
  throw new PatternError(
    `!{${namespace}:${value}} is not supported locally; use timestamp:…, partitionKeyFromLambda:…, firehose:random-string or firehose:error-output-type`,
  );
}
