/** Ascending arrays by an order of one's own. */
export type Order<T> = (a: T, b: T) => number;

/** Where `item` stands or would stand: the first place whose item is not less. */
export function placeOf<T>(sorted: readonly T[], item: T, order: Order<T>): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(sorted[middle] as T, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What stands there and behind moves up. A loop, because splice makes an array of what it takes out, also when that is nothing. */
export function insertAt<T>(list: T[], at: number, item: T): void {
  list.push(item);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1] as T;
  list[at] = item;
}

/** Both lists in one, equal items side by side. */
export function mergeSorted<T>(a: readonly T[], b: readonly T[], order: Order<T>): T[] {
  const out: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (order(a[i] as T, b[j] as T) <= 0) out.push(a[i++] as T);
    else out.push(b[j++] as T);
  }
  while (i < a.length) out.push(a[i++] as T);
  while (j < b.length) out.push(b[j++] as T);
  return out;
}

/** Where `value` stands or would stand among ascending numbers. */
export function placeOfNumber(sorted: readonly number[], value: number): number {
  // What comes last in time mostly comes last in the list.
  if (sorted.length === 0 || (sorted[sorted.length - 1] as number) < value) return sorted.length;
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function ascending(a: number, b: number): number {
  return a - b;
}
