/**
 * Dynalite's parsers of expressions, which parse each text once. A client sends the same few again and again, with the same names and, since versions are small
 * numbers, often the same values; without this a third of what a conditional put costs is its condition's grammar. What was parsed is only read afterwards.
 */

export interface ExpressionParser {
  parse(expression: string, options: { readonly context: Context }): unknown;
}

interface Context {
  readonly attrNames?: Placeholders | undefined;
  readonly attrVals?: Placeholders | undefined;
  /** A parser deletes from these what the expression uses. */
  readonly unusedAttrNames: Record<string, true>;
  readonly unusedAttrVals: Record<string, true>;
}

type Placeholders = Readonly<Record<string, unknown>>;

interface Parsed {
  readonly result: unknown;
  readonly usedNames: readonly string[];
  readonly usedVals: readonly string[];
}

/** Beyond it all are forgotten. */
const MOST_KNOWN = 2000;

const remembering = new WeakSet<ExpressionParser>();

export function rememberParsed(parser: ExpressionParser): void {
  if (remembering.has(parser)) return;
  remembering.add(parser);
  const parse = parser.parse.bind(parser);
  const known = new Map<string, Parsed>();
  parser.parse = (expression, { context }) => {
    const key = JSON.stringify([expression, context.attrNames, context.attrVals]);
    let parsed = known.get(key);
    if (parsed === undefined) {
      parsed = parseAlone(parse, expression, context);
      if (known.size === MOST_KNOWN) known.clear();
      known.set(key, parsed);
    }
    for (const name of parsed.usedNames) delete context.unusedAttrNames[name];
    for (const name of parsed.usedVals) delete context.unusedAttrVals[name];
    return parsed.result;
  };
}

/** So that what other expressions of the request use does not count as used by this one. */
function parseAlone(parse: ExpressionParser["parse"], expression: string, context: Context): Parsed {
  const unusedAttrNames = allOf(context.attrNames);
  const unusedAttrVals = allOf(context.attrVals);
  const result = parse(expression, { context: { ...context, unusedAttrNames, unusedAttrVals } });
  return {
    result,
    usedNames: Object.keys(context.attrNames ?? {}).filter((name) => !(name in unusedAttrNames)),
    usedVals: Object.keys(context.attrVals ?? {}).filter((name) => !(name in unusedAttrVals)),
  };
}

function allOf(placeholders: Placeholders = {}): Record<string, true> {
  return Object.fromEntries(Object.keys(placeholders).map((name) => [name, true]));
}
