/**
 * The declared fields of an event, level by level. Producers write their fields in one order, so behind each field the one is
 * expected that followed last time: its name is then compared four bytes at a time and not looked up.
 */
export interface FieldTree {
  readonly names: string[];
  /** The numbers of the fields. */
  readonly fields: number[];
  readonly tokens: Token[];
  /** What is declared below a field; null for none. */
  readonly children: (FieldTree | null)[];
  /** Which is expected behind each, and at last which is expected first. */
  readonly following: number[];
}

/** A name as it stands before a value, `"name":`, in words of four bytes of which the last two may overlap; one without words never matches. */
export interface Token {
  readonly words: Int32Array;
  readonly size: number;
}

const utf8 = new TextEncoder();

export function fieldTree(): FieldTree {
  return { names: [], fields: [], tokens: [], children: [], following: [] };
}

/** The number of the field at a path; it and what is above it are put into the tree with new numbers if they are not there yet. */
export function numberOf(tree: FieldTree, path: readonly string[], newNumber: () => number): number {
  const [name = "", ...below] = path;
  let which = tree.names.indexOf(name);
  if (which < 0) {
    which = tree.names.push(name) - 1;
    tree.fields.push(newNumber());
    tree.tokens.push(tokenOf(name));
    tree.children.push(null);
  }
  if (below.length === 0) return tree.fields[which] as number;
  tree.children[which] ??= fieldTree();
  return numberOf(tree.children[which] as FieldTree, below, newNumber);
}

/** Fields are expected as the schema has them, until events show another order. */
export function expectInOrder({ names, children, following }: FieldTree): void {
  following.push(...names.map((_, which) => (which + 1) % names.length), 0);
  for (const child of children) if (child !== null) expectInOrder(child);
}

export function longestToken({ tokens, children }: FieldTree): number {
  const below = children.map((child) => (child === null ? 0 : longestToken(child)));
  return Math.max(...tokens.map(({ size }) => size), ...below);
}

function tokenOf(name: string): Token {
  const bytes = utf8.encode(`${JSON.stringify(name)}:`);
  // The empty name's token has three bytes: no word stands for it, no four bytes are equal to that, and so it is looked up.
  if (bytes.length < 4) return { words: new Int32Array(0), size: 4 };
  const view = new DataView(bytes.buffer);
  const starts = Array.from({ length: bytes.length >> 2 }, (_, i) => i * 4);
  const words = Int32Array.from([...starts, bytes.length - 4], (start) => view.getInt32(start, true));
  return { words, size: bytes.length };
}
