/** `--input` takes all names up to the next option, so that a shell's `*.csv` works. */

/** What `parseArgs` tells of the command line, in order. */
interface Token {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly value?: string | undefined;
}

/** The names of all inputs; `usage` makes the error for a word that belongs to no option. */
export function inputsOf(tokens: readonly Token[], usage: (message: string) => Error): readonly string[] {
  const inputs: string[] = [];
  let last: string | null = null;
  for (const { kind, name, value = "" } of tokens) {
    if (kind === "option") last = name ?? null;
    if (kind === "option" && name === "input") inputs.push(value);
    if (kind !== "positional") continue;
    if (last !== "input") throw usage(`What is "${value}"? Files are given after --input.`);
    inputs.push(value);
  }
  return inputs;
}
