/** The little XML that S3 speaks. */

/** A list stands for the element repeated; undefined for none. */
export type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlValue[];
export interface XmlElements {
  readonly [name: string]: XmlValue;
}

/** S3 gives results a namespace and errors none; boto3 finds the code of an error only so. */
export function toXml(root: string, content: XmlElements): string {
  const namespace = root === "Error" ? "" : ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement(root, content, namespace)}`;
}

export function xmlElement(name: string, content: XmlElements, attributes = ""): string {
  return element(name, content, attributes);
}

/** The text inside each element of that name, entities still in place: an element, or text for `unescapeXml`. */
export function insideAll(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g"))].map(
    (match) => match[1] ?? "",
  );
}

export function unescapeXml(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (/^#x/i.test(entity)) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return String.fromCodePoint(Number(entity.slice(1)));
    return namedEntities.get(entity) ?? whole;
  });
}

const namedEntities: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function element(name: string, value: XmlValue, attributes = ""): string {
  if (value === undefined) return "";
  if (isList(value)) return value.map((item) => element(name, item)).join("");
  if (typeof value !== "object") return `<${name}${attributes}>${escapeXml(String(value))}</${name}>`;
  const inside = Object.entries(value).map(([child, content]) => element(child, content));
  return `<${name}${attributes}>${inside.join("")}</${name}>`;
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r\n]/g, (char) => `&#${char.charCodeAt(0)};`);
}
