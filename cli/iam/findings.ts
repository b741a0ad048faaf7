/** What is wrong with the permissions after a run: too much, too little, and excuses that hold no more. */
import type { Permission, Refused, RoleUsage } from "../../local/iam/usage.ts";
import type { Kept } from "./kept.ts";

export interface RoleFindings {
  readonly role: string;
  /** Actions and resources in the role's own statements. */
  readonly permissions: number;
  /** Allowed, never used, and not excused. */
  readonly unused: readonly Permission[];
  readonly excused: readonly (Permission & { readonly reason: string })[];
  /** Wanted and not allowed. */
  readonly refused: readonly Refused[];
}

export interface Findings {
  readonly roles: readonly RoleFindings[];
  /** Excuses for what is used after all, or for what is not there. */
  readonly stale: readonly Kept[];
  readonly ok: boolean;
}

/** What SAM or AWS wrote (managed policies, policy templates) is not the template's to make smaller, and is left out. */
export function findingsOf(usage: readonly RoleUsage[], kept: readonly Kept[]): Findings {
  const roles = usage.map(({ role, permissions, refused }): RoleFindings => {
    const own = permissions.filter(({ origin }) => origin === null);
    const unused = own.filter(({ used }) => !used);
    const excuseFor = ({ statement, pattern }: Permission): Kept | undefined =>
      kept.find((one) => one.role === role && one.statement === statement && one.pattern === pattern);
    return {
      role,
      permissions: own.length,
      unused: unused.filter((permission) => excuseFor(permission) === undefined),
      excused: unused.flatMap((permission) => {
        const excuse = excuseFor(permission);
        return excuse === undefined ? [] : [{ ...permission, reason: excuse.reason }];
      }),
      refused,
    };
  });
  const stale = kept.filter((one) => {
    const excused = roles.find(({ role }) => role === one.role)?.excused ?? [];
    return !excused.some(({ statement, pattern }) => statement === one.statement && pattern === one.pattern);
  });
  const isClean = roles.every(({ unused, refused }) => unused.length === 0 && refused.length === 0);
  return { roles, stale, ok: isClean && stale.length === 0 };
}
