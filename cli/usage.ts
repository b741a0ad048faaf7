/** What commands say of options that cannot be meant, in the words that a person typed. */

/** Of parseArgs, whose messages go on with advice about positional arguments. */
export function firstSentence(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return `${said.split(". ")[0]?.replace(/\.$/, "")}.`;
}

/** The first option that was given and means nothing beside the others. */
export function besides(values: object, allowed: readonly string[]): string | null {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.map(([name]) => name).find((name) => !allowed.includes(name)) ?? null;
}

/** Machines name the fields of their input, people type options: fields before a colon are said as those. */
export function inOptions(said: string, options: Readonly<Record<string, string>>): string {
  return said.replace(/(^|; )([A-Za-z]+(?:, [A-Za-z]+)*)(?=: )/g, (whole, before: string, fields: string) => {
    const named = fields.split(", ").map((field) => options[field]);
    return named.includes(undefined) ? whole : `${before}${named.map((name) => `--${name}`).join(", ")}`;
  });
}
