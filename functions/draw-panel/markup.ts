/** HTML and SVG as text. What is not markup is escaped, so that nothing that an event says becomes any. */
export interface Markup {
  readonly html: string;
}

/** Elements that are never closed are not among those that panels have. */
export function markup(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly (Markup | string)[]
): Markup {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  const inner = children.map((child) => (typeof child === "string" ? escaped(child) : child.html));
  return { html: `<${name}${given.join("")}>${inner.join("")}</${name}>` };
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] as string);
}
