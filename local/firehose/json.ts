/**
 * JSON.parse that keeps numbers of 16 or more digits exact, as Firehose's Java parser does: they come as raw numbers,
 * which JSON.stringify writes back digit by digit.
 */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Throws a SyntaxError like JSON.parse. */
export function parseJson(text: string): unknown {
  return LONG_NUMBER.test(text) ? sourceJson.parse(text, keepLongNumbers) : JSON.parse(text);
}

export function isRawNumber(value: unknown): value is RawNumber {
  return sourceJson.isRawJSON(value);
}

/** Only a number can follow these characters directly; digits inside a text follow its quote. */
const LONG_NUMBER = /[:[,]\s*-?\d[\d.]{14}/;
const EXACT_CHARS = 15;

/** Part of ECMAScript 2026 and of Node 24, not yet of TypeScript's library. */
const sourceJson = JSON as typeof JSON & {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): boolean;
};

function keepLongNumbers(_key: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  return typeof value === "number" && source.length > EXACT_CHARS ? sourceJson.rawJSON(source) : value;
}
