/** What roles did with what they may do. Permissions count by action and by resource, as they are written: either is too much when nothing needs it. */
import type { Statement } from "./policy.ts";
import type { Role } from "./roles.ts";

export interface RoleUsage {
  /** Its logical id. */
  readonly role: string;
  readonly permissions: readonly Permission[];
  /** What was wanted and not allowed, once each. */
  readonly refused: readonly Refused[];
}

/** One action or one resource of a statement that allows. */
export interface Permission {
  readonly statement: string;
  /** As Statement.origin. */
  readonly origin: string | null;
  readonly kind: "action" | "resource";
  readonly pattern: string;
  readonly used: boolean;
}

export interface Refused {
  readonly action: string;
  readonly resource: string;
}

export interface Usage {
  add(role: Role): void;
  used(role: Role, by: readonly Statement[], action: string, resource: string): void;
  /** Whether it is the first time. */
  refused(role: Role, action: string, resource: string): boolean;
  all(): readonly RoleUsage[];
}

export function createUsage(): Usage {
  const roles = new Map<Role, { readonly used: Set<string>; readonly refused: Map<string, Refused> }>();
  const of = (role: Role) => {
    const usage = roles.get(role) ?? { used: new Set<string>(), refused: new Map<string, Refused>() };
    roles.set(role, usage);
    return usage;
  };
  return {
    add: (role) => void of(role),
    used(role, by, action, resource) {
      const { used } = of(role);
      for (const statement of by) {
        const at = role.statements.indexOf(statement);
        for (const { text } of statement.actions.patterns.filter((one) => one.matches(action)))
          used.add(keyOf(at, "action", text));
        for (const { text } of statement.resources.patterns.filter((one) => one.matches(resource)))
          used.add(keyOf(at, "resource", text));
      }
    },
    refused(role, action, resource) {
      const { refused } = of(role);
      const key = `${action} ${resource}`;
      const isNew = !refused.has(key);
      refused.set(key, { action, resource });
      return isNew;
    },
    all: () =>
      [...roles].map(([role, { used, refused }]) => ({
        role: role.logicalId,
        permissions: role.statements.flatMap((statement, at) => permissionsOf(statement, at, used)),
        refused: [...refused.values()],
      })),
  };
}

/** Of NotAction and NotResource no single permission can be told. */
function permissionsOf(
  { name, origin, effect, actions, resources }: Statement,
  at: number,
  used: ReadonlySet<string>,
): readonly Permission[] {
  if (effect === "Deny") return [];
  const list = (kind: Permission["kind"], { kind: form, patterns }: Statement["actions"]): readonly Permission[] =>
    form === "except"
      ? []
      : patterns.map(({ text }) => ({
          statement: name,
          origin,
          kind,
          pattern: text,
          used: used.has(keyOf(at, kind, text)),
        }));
  return [...list("action", actions), ...list("resource", resources)];
}

function keyOf(statement: number, kind: string, text: string): string {
  return `${statement} ${kind} ${text}`;
}
