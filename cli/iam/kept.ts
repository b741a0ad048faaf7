/** Permissions of template.yaml that are kept although a whole run, with its error paths, does not use them: each with the reason. */
export interface Kept {
  /** As in the template: the role's logical id, the statement's Sid, and the action or resource as the runtime resolves it. */
  readonly role: string;
  readonly statement: string;
  readonly pattern: string;
  readonly reason: string;
}

export const kept: readonly Kept[] = [
  {
    role: "QuarantineDeliveryRole",
    statement: "WriteObjects",
    pattern: "arn:aws:s3:::lake/quarantine-errors/*",
    reason:
      "Nothing transforms or converts quarantined rows, so none can fail; should Firehose ever reject one, it must not block behind an error that it cannot write.",
  },
];
