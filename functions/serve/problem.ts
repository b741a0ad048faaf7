import type { HttpAnswer } from "@millrace/aws";

/** What cannot be answered, as a problem document (RFC 9457). The type tells programs, the detail tells people what to do. */
export interface Problem {
  readonly kind: keyof typeof PROBLEMS;
  readonly detail: string;
}

const PROBLEMS = {
  "bad-request": { status: 400, title: "The request cannot be understood" },
  "bad-range": { status: 400, title: "The range cannot be answered" },
  "unknown-view": { status: 404, title: "There is no such feature view" },
  "unknown-metric": { status: 404, title: "There is no such metric" },
  "unknown-route": { status: 404, title: "There is no such resource" },
  internal: { status: 500, title: "The request failed" },
} as const;

export const PROBLEM_JSON = "application/problem+json";

/** Thrown and caught inside this function, so that what reads a request can refuse it where it reads. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(kind: Problem["kind"], detail: string) {
    super(detail);
    this.problem = { kind, detail };
  }
}

/** `requestId` finds the log lines of a failed request. */
export function toProblemAnswer({ kind, detail }: Problem, requestId: string): HttpAnswer {
  const { status, title } = PROBLEMS[kind];
  const body = { type: `urn:millrace:problem:${kind}`, title, status, detail, instance: `urn:request:${requestId}` };
  return { status, contentType: PROBLEM_JSON, body };
}
