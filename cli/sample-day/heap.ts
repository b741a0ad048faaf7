/** A queue that gives the smallest first; equal keys come out in the order they went in, so that a day has one order only. */
export function createHeap<T>(): Heap<T> {
  const nodes: Node<T>[] = [];
  let pushed = 0;

  return {
    push(key, value) {
      nodes.push({ key, order: pushed++, value });
      siftUp(nodes, nodes.length - 1);
    },
    popBefore(limit) {
      const top = nodes[0];
      if (top === undefined || top.key >= limit) return undefined;
      const last = nodes.pop();
      if (nodes.length > 0 && last !== undefined) {
        nodes[0] = last;
        siftDown(nodes);
      }
      return top.value;
    },
  };
}

export interface Heap<T> {
  push(key: number, value: T): void;
  /** The smallest, when its key is below the limit. */
  popBefore(limit: number): T | undefined;
}

interface Node<T> {
  readonly key: number;
  readonly order: number;
  readonly value: T;
}

function before<T>(a: Node<T>, b: Node<T>): boolean {
  return a.key < b.key || (a.key === b.key && a.order < b.order);
}

function siftUp<T>(nodes: Node<T>[], from: number): void {
  for (let child = from; child > 0; ) {
    const parent = (child - 1) >> 1;
    if (!swapWhen(nodes, child, parent)) return;
    child = parent;
  }
}

function siftDown<T>(nodes: Node<T>[]): void {
  for (let parent = 0; ; ) {
    const left = parent * 2 + 1;
    const right = left + 1;
    const smaller = isBefore(nodes, right, left) ? right : left;
    if (!swapWhen(nodes, smaller, parent)) return;
    parent = smaller;
  }
}

function isBefore<T>(nodes: readonly Node<T>[], a: number, b: number): boolean {
  const [nodeA, nodeB] = [nodes[a], nodes[b]];
  return nodeA !== undefined && nodeB !== undefined && before(nodeA, nodeB);
}

/** Puts the node at `lower` in its parent's place when it belongs before it. */
function swapWhen<T>(nodes: Node<T>[], lower: number, upper: number): boolean {
  const [child, parent] = [nodes[lower], nodes[upper]];
  if (child === undefined || parent === undefined || !before(child, parent)) return false;
  nodes[upper] = child;
  nodes[lower] = parent;
  return true;
}
