/**
 * Trino's own grammar (ANTLR, from dt-sql-parser), which decides what is a query: DuckDB takes much that Athena does not. It is loaded at the first
 * query, since loading and the first parse take some tenths of a second; later queries take some milliseconds.
 */
import { createRequire } from "node:module";
import type {
  CharStreams,
  CommonTokenStream,
  ParserRuleContext,
  ParseTree,
  PredictionMode,
  TerminalNode,
} from "antlr4ng";
import type { TrinoSqlLexer } from "dt-sql-parser/dist/lib/trino/TrinoSqlLexer.js";
import type { TrinoSqlParser } from "dt-sql-parser/dist/lib/trino/TrinoSqlParser.js";
import { grammarBundle } from "./grammar-bundle.ts";

/** A node of the parse tree, named as in the grammar (`QuerySpecification`), with its place in the text; a leaf is a `token`. */
export interface Syntax {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly children: readonly Syntax[];
}

export interface Token {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

export interface Grammar {
  /** The tree of one statement. Throws a GrammarError. */
  parse(sql: string): Syntax;
  /** Without space and comments. */
  tokens(sql: string): readonly Token[];
}

/** The text is no Trino SQL. The message says where, as Athena's does. */
export class GrammarError extends Error {
  constructor(line: number, column: number, message: string) {
    super(`line ${line}:${column}: ${message}`);
    this.name = "GrammarError";
  }
}

interface Generated {
  readonly CharStreams: typeof CharStreams;
  readonly CommonTokenStream: typeof CommonTokenStream;
  readonly PredictionMode: typeof PredictionMode;
  readonly TerminalNode: typeof TerminalNode;
  readonly TrinoSqlLexer: typeof TrinoSqlLexer;
  readonly TrinoSqlParser: typeof TrinoSqlParser;
}

/** A query is parsed when it is started, and needed again when it runs. */
const rememberedQueries = 20;

let opened: Promise<Grammar> | null = null;

export function openGrammar(): Promise<Grammar> {
  opened ??= load().then(grammarOf);
  return opened;
}

async function load(): Promise<Generated> {
  const file = await grammarBundle();
  return createRequire(file)(file) as Generated;
}

function grammarOf(generated: Generated): Grammar {
  const { CharStreams, CommonTokenStream, PredictionMode, TerminalNode, TrinoSqlLexer, TrinoSqlParser } = generated;
  const report = {
    syntaxError(_: unknown, __: unknown, line: number, column: number, message: string): void {
      throw new GrammarError(line, column + 1, message.replace(/ expecting \{.*\}$/s, ""));
    },
    reportAmbiguity() {},
    reportAttemptingFullContext() {},
    reportContextSensitivity() {},
  };
  const lexerOf = (sql: string): TrinoSqlLexer => {
    const lexer = new TrinoSqlLexer(CharStreams.fromString(sql));
    lexer.removeErrorListeners();
    lexer.addErrorListener(report);
    return lexer;
  };

  const parsed = (sql: string, mode: number): Syntax => {
    const place = placesIn(sql);
    const parser = new TrinoSqlParser(new CommonTokenStream(lexerOf(sql)));
    parser.interpreter.predictionMode = mode;
    parser.removeErrorListeners();
    parser.addErrorListener(report);
    const toSyntax = (node: ParseTree): Syntax => {
      if (node instanceof TerminalNode)
        return { kind: "token", from: place(node.symbol.start), to: place(node.symbol.stop + 1), children: [] };
      const { start, stop, children } = node as ParserRuleContext;
      const from = place(start?.start ?? 0);
      const to = stop === null ? from : place(stop.stop + 1);
      return {
        kind: node.constructor.name.replace(/Context$/, ""),
        from,
        to,
        children: (children ?? []).map(toSyntax),
      };
    };
    return toSyntax(parser.program());
  };
  const programs = new Map<string, Syntax>();
  const programOf = (sql: string): Syntax => {
    const known = programs.get(sql);
    if (known !== undefined) return known;
    let program: Syntax;
    try {
      // Much faster, and right where it finds no error.
      program = parsed(sql, PredictionMode.SLL);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      program = parsed(sql, PredictionMode.LL);
    }
    const [oldest] = programs.keys();
    if (programs.size >= rememberedQueries && oldest !== undefined) programs.delete(oldest);
    programs.set(sql, program);
    return program;
  };

  return {
    parse(sql) {
      const statements = programOf(sql).children.flatMap(({ kind, children }) =>
        kind === "Statements" ? children : [],
      );
      const [first] = statements;
      if (first === undefined) throw new GrammarError(1, 1, "expected a statement, got none");
      if (statements.length > 1) throw new GrammarError(1, 1, "Only one sql statement is allowed");
      return first;
    },
    tokens(sql) {
      const place = placesIn(sql);
      return lexerOf(sql)
        .getAllTokens()
        .filter(({ channel }) => channel === 0)
        .map(({ text, start, stop }) => ({ text: text ?? "", from: place(start), to: place(stop + 1) }));
    },
  };
}

/** ANTLR counts code points, JavaScript counts UTF-16 units. */
function placesIn(sql: string): (codePoint: number) => number {
  if (!/[\uD800-\uDFFF]/.test(sql)) return (codePoint) => codePoint;
  const starts: number[] = [];
  let at = 0;
  for (const character of sql) {
    starts.push(at);
    at += character.length;
  }
  starts.push(at);
  return (codePoint) => starts[codePoint] ?? sql.length;
}
