export interface PutOptions {
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

export interface ObjectStore {
  createBucket(name: string): Promise<void>;
  put(bucket: string, key: string, body: Uint8Array, options?: PutOptions): Promise<void>;
  get(bucket: string, key: string): Promise<Buffer | null>;
  /** All objects whose key begins with the prefix, in the order of their keys' UTF-8 bytes. */
  list(bucket: string, prefix: string): Promise<readonly ListedObject[]>;
  delete(bucket: string, key: string): Promise<void>;
}

/** `now` gives objects their time of modification; the machine's time by default. */
export function createObjectStore(_rootDir: string, _options: { readonly now?: () => number } = {}): ObjectStore {
  throw new Error("not yet built");
}
