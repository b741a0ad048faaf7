/** A binary heap of actions, ordered by time and then by order of scheduling. */
import type { Timer } from "./clock.ts";

export interface ScheduledAction extends Timer {
  readonly order: number;
  readonly action: () => void | Promise<void>;
}

export interface TimerQueue {
  add(atMs: number, action: () => void | Promise<void>): Timer;
  remove(timer: Timer): void;
  /** Takes the first action that is due at `endMs`, or null. */
  takeDue(endMs: number): ScheduledAction | null;
  size(): number;
}

export function createTimerQueue(): TimerQueue {
  const heap: ScheduledAction[] = [];
  // A removed action stays in the heap until it comes to the top: removal is then O(1) and the heap needs no index.
  const live = new Set<Timer>();
  let order = 0;

  return {
    add(atMs, action) {
      const scheduled = { atMs, order: order++, action };
      live.add(scheduled);
      push(heap, scheduled);
      return scheduled;
    },
    remove: (timer) => void live.delete(timer),
    takeDue(endMs) {
      for (let first = heap[0]; first !== undefined && first.atMs <= endMs; first = heap[0]) {
        pop(heap);
        if (live.delete(first)) return first;
      }
      return null;
    },
    size: () => live.size,
  };
}

function push(heap: ScheduledAction[], added: ScheduledAction): void {
  let index = heap.length;
  heap.push(added);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex] as ScheduledAction;
    if (!isBefore(added, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = added;
}

function pop(heap: ScheduledAction[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const child = smallerChild(heap, index);
    if (child === -1 || !isBefore(heap[child] as ScheduledAction, last)) break;
    heap[index] = heap[child] as ScheduledAction;
    index = child;
  }
  heap[index] = last;
}

function smallerChild(heap: readonly ScheduledAction[], index: number): number {
  const left = heap[2 * index + 1];
  const right = heap[2 * index + 2];
  if (left === undefined) return -1;
  return right !== undefined && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
}

function isBefore(a: ScheduledAction, b: ScheduledAction): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
