/**
 * Separates a TypeScript source into code, strings and comments, which is enough to find every import, also of types, and to
 * search code without being fooled by a word in a comment.
 */
export interface Source {
  /** The text with comments and the contents of strings blanked; same length and lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** null: computed, as in `import(path)`. */
  readonly specifier: string | null;
  readonly line: number;
}

interface Literal {
  readonly start: number;
  readonly value: string;
}

export function readSource(text: string): Source {
  const { code, literals } = blank(text);
  const lineOf = (offset: number) => text.slice(0, offset).split("\n").length;
  // What stands before a string tells an import: `from "x"`, `import "x"`, `import("x")`, `require("x")`, but not `Array.from("x")`.
  const named = literals.filter(({ start }) =>
    /(?<![.\w$])(?:from|import|(?:import|require)\s*\()\s*$/.test(code.slice(0, start)),
  );
  const calls = [...code.matchAll(/(?<![.\w$])(?:import|require)\s*\(\s*/g)].map(
    ({ 0: call, index }) => index + call.length,
  );
  const computed = calls.filter((offset) => !/["'`]/.test(text[offset] ?? ""));
  return {
    code,
    imports: [
      ...named.map(({ start, value }) => ({ specifier: value, line: lineOf(start) })),
      ...computed.map((offset) => ({ specifier: null, line: lineOf(offset) })),
    ],
  };
}

/** A string, a comment, or a regular expression where an operand may begin (after a word or `)` a slash divides). */
const token = new RegExp(
  [
    /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/,
    /(?<regex>(?<=(?:^|[=(,:[!&|?{};+*%<>~^-]|\b(?:return|case|typeof|of|in))\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/[\\\n])+\/[a-z]*)/,
    /(?<template>`)/,
    /(?<brace>[{}])/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gm",
);

function blank(text: string): { readonly code: string; readonly literals: readonly Literal[] } {
  const literals: Literal[] = [];
  /** One entry per open brace: whether it is a `${` whose closing brace goes on with the template. */
  const braces: boolean[] = [];
  const pieces: string[] = [];
  let done = 0;
  const erase = (from: number, to: number) => {
    pieces.push(text.slice(done, from), text.slice(from, to).replace(/[^\n]/g, " "));
    done = to;
  };
  token.lastIndex = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const { comment, string, regex, template, brace } = match.groups as Record<string, string | undefined>;
    const end = match.index + match[0].length;
    if (comment !== undefined || regex !== undefined) erase(match.index, end);
    if (string !== undefined) {
      literals.push({ start: match.index, value: string.slice(1, -1) });
      erase(match.index + 1, end - 1);
    }
    if (brace === "{") braces.push(false);
    if (template !== undefined || (brace === "}" && braces.pop() === true)) {
      const stop = endOfTemplatePiece(text, end);
      if (template !== undefined) literals.push({ start: match.index, value: text.slice(end, stop) });
      erase(end, stop);
      if (text[stop] === "$") braces.push(true);
      token.lastIndex = text[stop] === "$" ? stop + 2 : stop + 1;
    }
  }
  pieces.push(text.slice(done));
  return { code: pieces.join(""), literals };
}

/** The offset of the backtick or of the `${` that ends the template's text. */
function endOfTemplatePiece(text: string, from: number): number {
  const piece = /(?:\\[\s\S]|(?!\$\{)[^`\\])*/y;
  piece.lastIndex = from;
  piece.test(text);
  return piece.lastIndex;
}
