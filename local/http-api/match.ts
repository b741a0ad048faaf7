/** Which route a request takes: segment by segment a text goes before a parameter, and a parameter before one that takes the rest. */
import type { Route } from "./read-routes.ts";

export interface Matched {
  readonly route: Route;
  /** Decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** `path` as it came, still encoded: an encoded slash belongs to its segment. */
export function matchRoute(routes: readonly Route[], method: string, path: string): Matched | null {
  const segments = path.split("/").slice(1);
  const found = routes
    .filter((route) => route.method === method)
    .flatMap((route) => {
      const parameters = parametersOf(route.path.split("/").slice(1), segments);
      return parameters === null ? [] : [{ route, parameters }];
    });
  return found.sort((a, b) => (rank(a.route) < rank(b.route) ? -1 : 1))[0] ?? null;
}

function parametersOf(wanted: readonly string[], segments: readonly string[]): Record<string, string> | null {
  const parameters: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const [, name, rest] = /^\{([^+}]+)(\+?)\}$/.exec(part) ?? [];
    const own = rest === "+" ? segments.slice(at).join("/") : segments[at];
    if (own === undefined || own === "") return null;
    const text = decoded(own);
    if (text === null || (name === undefined && text !== part)) return null;
    if (name !== undefined) parameters[name] = text;
    if (rest === "+") return parameters;
  }
  return wanted.length === segments.length ? parameters : null;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function rank({ path }: Route): string {
  return path
    .split("/")
    .map((part) => (part.startsWith("{") ? (part.endsWith("+}") ? "2" : "1") : "0"))
    .join("");
}
