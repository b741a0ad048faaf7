/** Small pieces of TypeScript source. Lines are kept in lists, so that indentation is somebody else's business until the end. */
export type Lines = readonly string[];

export function block(head: string, body: Lines, tail = "}"): Lines {
  return [`${head} {`, ...indent(body), tail];
}

export function indent(lines: Lines): Lines {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

export function docComment(text: string | null): Lines {
  return text === null ? [] : [`/** ${text.replaceAll("*/", "* /").replace(/\s+/g, " ")} */`];
}

/** A property name in a type or an object literal. */
export function keySource(name: string): string {
  return isIdentifier(name) ? name : JSON.stringify(name);
}

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name);
}

/** Names such as "constructor" are found on every object; only an own property counts as a field. */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

export function accessSource(holder: string, name: string): string {
  if (isInherited(name)) return `own(${holder}, ${JSON.stringify(name)})`;
  return isIdentifier(name) ? `${holder}.${name}` : `${holder}[${JSON.stringify(name)}]`;
}

/** A variable for a field: its name in camel case, kept apart from the names that the generated code uses itself. */
export function variableFor(name: string, taken: Set<string>): string {
  const words = pascal(name);
  const camel = words.slice(0, 1).toLowerCase() + words.slice(1);
  return uniqueName(
    /^[a-z]\w*$/.test(camel) && !OWN_NAMES.test(camel) && !RESERVED_WORDS.has(camel) ? camel : `field${words}`,
    taken,
  );
}

export function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 2; taken.has(name); i += 1) name = `${wanted}${i}`;
  taken.add(name);
  return name;
}

export function constantFor(words: string, taken: Set<string>): string {
  return uniqueName(`${words.replace(/[^A-Za-z0-9]+/g, "_").toUpperCase()}`.replace(/^(?![A-Z])/, "X"), taken);
}

export function pascal(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1)).join("");
}

/** A string in the generated code that may hold loop indexes: `tags[${i}].name`. */
export type Label = readonly (string | { readonly variable: string })[];

export function labelSource(label: Label): string {
  if (label.every((part) => typeof part === "string")) return JSON.stringify(label.join(""));
  const parts = label.map((part) =>
    typeof part === "string" ? part.replace(/[\\`]|\$(?=\{)/g, "\\$&") : `\${${part.variable}}`,
  );
  return `\`${parts.join("").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}\``;
}

const OWN_NAMES = /^(check[A-Z]\w*|\w*Violation|\w*Cell|i\d*|item\d*|fields)$/;
const RESERVED_WORDS = new Set(
  (
    "arguments async await boolean break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null number object of package private " +
    "protected public return static string super switch symbol this throw true try type typeof undefined var void while with yield " +
    "validate own isObject isDeeperThan codePoints wrongType wrongValue wrongLength parseTime scaleDecimal jsonText flatText isoTime " +
    "fromScaled eventSchema readRow readFields toRow toLakeColumns"
  ).split(" "),
);
