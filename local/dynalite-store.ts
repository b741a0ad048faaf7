/**
 * Dynalite's store without its waiting. What is in memory is there at once; dynalite waits all the same, for a turn of the event loop and several promises at each
 * of three accesses a put, so that requests which came together are answered together: this thread works while the caller's stands still, and then the other way round.
 */

/** As dynalite has wrapped it: with callbacks in place of promises. */
export interface WrappedDb {
  get(key: string, done: Done): void;
  put(key: string, value: unknown, done: Done): void;
  close(done: () => void): void;
}

type Done = (error: unknown, value?: unknown) => void;

/** The same as it is without the wrapping. */
interface PlainDb {
  open(): Promise<void>;
  getSync(key: string): unknown;
  put(key: string, value: unknown): Promise<void>;
}

/** Resolves when the store can be used. */
export async function answerAtOnce(db: WrappedDb): Promise<void> {
  const plain = Object.getPrototypeOf(db) as PlainDb;
  await plain.open.call(db);
  db.get = (key, done) => {
    let found: readonly [error: unknown, value?: unknown];
    try {
      found = [null, plain.getSync.call(db, key)];
    } catch (error) {
      found = [error];
    }
    queueMicrotask(() => done(...found));
  };
  // What a callback throws must stay an error of its own and not become one of the store's.
  db.put = (key, value, done) =>
    void plain.put.call(db, key, value).then(
      () => queueMicrotask(() => done(null)),
      (error: unknown) => queueMicrotask(() => done(error)),
    );
}
