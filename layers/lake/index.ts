// SQL over the lake's tables, in words that Athena and DuckDB both take. The only place of SQL that functions use.
export { conditionOf, viewCondition } from "./condition.ts";
export { quoteName, quoteText, timestamp } from "./literal.ts";
