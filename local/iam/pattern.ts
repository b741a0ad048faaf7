/** IAM's wildcards: `*` is any text, `?` any one character. */
export interface Pattern {
  readonly text: string;
  matches(text: string): boolean;
}

/** Actions are compared without regard to case, resources are not. */
export function actionPattern(text: string): Pattern {
  return { text, matches: matcher(text, "i") };
}

export function resourcePattern(text: string): Pattern {
  return { text, matches: matcher(text, "") };
}

export function matcher(text: string, flags: "i" | ""): (text: string) => boolean {
  if (!/[*?]/.test(text)) {
    const same = flags === "i" ? text.toLowerCase() : text;
    return flags === "i" ? (other) => other.toLowerCase() === same : (other) => other === same;
  }
  const source = text
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  const form = new RegExp(`^${source}$`, flags);
  return (other) => form.test(other);
}
