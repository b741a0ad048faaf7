/** Where in the template a resolved value came from, so that a refusal can name the line. */
export interface Lines {
  add(container: object, line: number): void;
  addKey(container: object, key: string, line: number): void;
  /** Of the container, or of one of its keys (a list's keys are its indices). */
  of(container: object, key?: string): number;
  /** As `of`, but undefined for what did not come from the template. */
  find(container: object, key?: string): number | undefined;
}

export function createLines(): Lines {
  const containers = new WeakMap<object, number>();
  const keys = new WeakMap<object, Map<string, number>>();
  const find: Lines["find"] = (container, key) =>
    (key === undefined ? undefined : keys.get(container)?.get(key)) ?? containers.get(container);
  return {
    find,
    add: (container, line) => void containers.set(container, line),
    addKey(container, key, line) {
      const known = keys.get(container) ?? new Map<string, number>();
      keys.set(container, known.set(key, line));
    },
    of: (container, key) => find(container, key) ?? 1,
  };
}
