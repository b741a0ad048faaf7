/**
 * Reads a function's configuration from its environment, once, at init. Every mistake is named at the same time, so that a
 * deployment is corrected once and not variable by variable.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** How one variable is read: a value, or what is wrong with the text. */
export interface Setting<T> {
  readonly variable: string;
  readonly read: (text: string) => { readonly value: T } | { readonly wrong: string };
}

export type Environment = { readonly [variable: string]: string | undefined };

export function readConfig<T extends object>(
  environment: Environment,
  settings: { readonly [K in keyof T]: Setting<T[K]> },
): Readonly<T> {
  const mistakes: string[] = [];
  const config: Partial<T> = {};
  for (const name of Object.keys(settings) as (keyof T)[]) {
    const { variable, read } = settings[name];
    const text = environment[variable];
    if (text === undefined || text === "") {
      mistakes.push(`${variable} is not set`);
      continue;
    }
    const result = read(text);
    if ("wrong" in result) mistakes.push(`${variable} must be ${result.wrong}, got "${text}"`);
    else config[name] = result.value;
  }
  if (mistakes.length > 0) {
    throw new ConfigError(`${mistakes.join("; ")}. Set it under Environment of this function in template.yaml.`);
  }
  return config as T;
}

export function text(variable: string): Setting<string> {
  return { variable, read: (value) => ({ value }) };
}

export function wholeNumber(variable: string, { least }: { readonly least: number }): Setting<number> {
  return {
    variable,
    read(written) {
      const value = Number(written);
      return /^\d+$/.test(written) && Number.isSafeInteger(value) && value >= least
        ? { value }
        : { wrong: `a whole number from ${least}` };
    },
  };
}

export function number(variable: string, { least }: { readonly least: number }): Setting<number> {
  return {
    variable,
    read(written) {
      const value = Number(written);
      return /^\d+(\.\d+)?$/.test(written) && value >= least ? { value } : { wrong: `a number from ${least}` };
    },
  };
}

export function flag(variable: string): Setting<boolean> {
  return {
    variable,
    read: (written) =>
      written === "true" || written === "false" ? { value: written === "true" } : { wrong: "true or false" },
  };
}
