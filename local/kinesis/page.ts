/** Lists in pages: a NextToken is where the last page ended, and needs no memory here. */
import { AwsError } from "../aws-error.ts";

export function nextToken(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Undefined without a token. */
export function tokenText(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  const text = Buffer.from(token, "base64").toString();
  if (nextToken(text) === token) return text;
  throw new AwsError("InvalidArgumentException", "NextToken is invalid.");
}
