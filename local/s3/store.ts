/**
 * Objects as plain files, so that DuckDB and people can open them. A file is written beside and renamed, so nobody sees half an object. What S3 knows besides
 * the bytes (content type and encoding, metadata, the tag of a multipart upload, the storage class) is kept in memory only: after a restart the content
 * type follows from the file's extension and the tag from its bytes, and every object is of the class STANDARD.
 *
 * S3 may hold both `a` and `a/b`; a file system may not, and then the later put is refused.
 */
import { hash } from "node:crypto";
import type { Stats } from "node:fs";
import { mkdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AwsError } from "../aws-error.ts";
import {
  type ArchiveState,
  type Restore,
  type RestoreRequest,
  restored,
  type StorageClass,
  stateOf,
} from "./archive.ts";
import { contentTypeOf } from "./content-type.ts";
import { checkBucketName, pathOf } from "./key.ts";
import { walk } from "./walk.ts";

export interface PutOptions {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** The user's own, without `x-amz-meta-`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Instead of the MD5 of the body. */
  readonly etag?: string;
  /** STANDARD unless said. */
  readonly storageClass?: StorageClass;
}

export interface ListedObject extends ArchiveState {
  readonly key: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

export interface ObjectHead extends ListedObject {
  /** Without quotes. */
  readonly etag: string;
  readonly contentType: string;
  readonly contentEncoding?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Bucket {
  readonly name: string;
  readonly createdMs: number;
}

export interface ObjectStore {
  /** Does nothing when the bucket is there. */
  createBucket(name: string): Promise<void>;
  /** In the order of their names. */
  buckets(): readonly Bucket[];
  put(bucket: string, key: string, body: Uint8Array, options?: PutOptions): Promise<void>;
  /** Also of an object that lies frozen. */
  get(bucket: string, key: string): Promise<Buffer | null>;
  head(bucket: string, key: string): Promise<ObjectHead | null>;
  /** All objects whose key begins with the prefix, in the order of their keys' UTF-8 bytes. */
  list(bucket: string, prefix: string): Promise<readonly ListedObject[]>;
  /** The keys alone, which needs no look at the files. */
  keys(bucket: string, prefix: string): Promise<readonly string[]>;
  /** Asks for a copy of a frozen object that can be read, or for one to stay longer. Throws what S3 answers. */
  restore(bucket: string, key: string, request: RestoreRequest): Promise<void>;
  /** Does nothing when there is no such object. */
  delete(bucket: string, key: string): Promise<void>;
}

/** `now` dates objects and buckets; the machine's time by default. */
export function createObjectStore(
  rootDir: string,
  { now = Date.now }: { readonly now?: () => number } = {},
): ObjectStore {
  const buckets = new Map<string, Bucket>();
  const remembered = new Map<string, Remembered>();
  // No bucket's name begins with a dot.
  const tempDir = join(rootDir, ".tmp");
  let tempCount = 0;

  const pathIn = (bucket: string, key: string): string => {
    const path = pathOf(rootDir, bucket, key);
    checkBucket(bucket);
    return path;
  };
  const checkBucket = (bucket: string): void => {
    if (!buckets.has(bucket)) throw new AwsError("NoSuchBucket", `The specified bucket does not exist: ${bucket}`, 404);
  };
  const writeTemp = async (body: Uint8Array, modifiedMs: number): Promise<string> => {
    await mkdir(tempDir, { recursive: true });
    const path = join(tempDir, `${process.pid}-${++tempCount}`);
    await writeFile(path, body);
    await utimes(path, modifiedMs / 1000, modifiedMs / 1000);
    return path;
  };

  // A file that someone else has written since is no longer the object that we remember.
  const currentOf = (path: string, { size, mtimeMs }: Stats): Remembered | undefined => {
    const known = remembered.get(path);
    return known?.sizeBytes === size && known.modifiedMs === Math.round(mtimeMs) ? known : undefined;
  };
  const listedOf = (key: string, { size, mtimeMs }: Stats, current: Remembered | undefined): ListedObject => ({
    ...{ key, sizeBytes: size, lastModifiedMs: Math.round(mtimeMs) },
    ...stateOf(current?.options.storageClass ?? "STANDARD", current?.restore ?? null, now()),
  });

  const store: ObjectStore = {
    async createBucket(name) {
      checkBucketName(name);
      await mkdir(join(rootDir, name), { recursive: true });
      if (!buckets.has(name)) buckets.set(name, { name, createdMs: now() });
    },
    buckets: () => [...buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    async put(bucket, key, body, options = {}) {
      const path = pathIn(bucket, key);
      const modifiedMs = now();
      const temp = await writeTemp(body, modifiedMs);
      try {
        await moveInto(temp, path);
      } catch (error) {
        await rm(temp, { force: true });
        throw asConflict(error, key);
      }
      remembered.set(path, {
        options,
        etag: options.etag ?? hash("md5", body, "hex"),
        sizeBytes: body.length,
        modifiedMs,
        restore: null,
      });
    },
    async get(bucket, key) {
      return unlessMissing(readFile(pathIn(bucket, key)));
    },
    async head(bucket, key) {
      const path = pathIn(bucket, key);
      const found = await unlessMissing(stat(path));
      if (found === null || !found.isFile()) return null;
      const current = currentOf(path, found);
      const listed = listedOf(key, found, current);
      const { contentType = contentTypeOf(key), contentEncoding, metadata = {} } = current?.options ?? {};
      const etag = current?.etag ?? hash("md5", await readFile(path), "hex");
      return { ...listed, etag, contentType, metadata, ...(contentEncoding === undefined ? {} : { contentEncoding }) };
    },
    async keys(bucket, prefix) {
      checkBucket(bucket);
      return walk(join(rootDir, bucket), prefix);
    },
    async list(bucket, prefix) {
      const listed: ListedObject[] = [];
      for (const key of await store.keys(bucket, prefix)) {
        const path = join(rootDir, bucket, key);
        const found = await unlessMissing(stat(path));
        if (found !== null) listed.push(listedOf(key, found, currentOf(path, found)));
      }
      return listed;
    },
    async restore(bucket, key, request) {
      const head = await store.head(bucket, key);
      if (head === null) throw new AwsError("NoSuchKey", `The specified key does not exist: ${key}`, 404);
      const restore = restored(head, request, now());
      const path = pathIn(bucket, key);
      const known = remembered.get(path);
      // What can be restored has a class, which is remembered.
      if (known !== undefined) remembered.set(path, { ...known, restore });
    },
    async delete(bucket, key) {
      const path = pathIn(bucket, key);
      remembered.delete(path);
      if ((await store.head(bucket, key)) === null) return;
      await rm(path, { force: true });
      await removeEmptyFolders(dirname(path), join(rootDir, bucket));
    },
  };
  return store;
}

interface Remembered {
  readonly options: PutOptions;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly restore: Restore | null;
}

const moveAttempts = 10;

/** A delete beside us may take away a folder that it finds empty, between our making it and our moving the file there. */
async function moveInto(temp: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await rename(temp, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === moveAttempts) throw error;
    }
  }
}

function asConflict(error: unknown, key: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const taken = "The local runtime keeps objects as plain files and cannot store the key";
  if (code === "EEXIST" || code === "ENOTDIR") {
    return new AwsError("InvalidArgument", `${taken} ${key}: a part of it before a slash is already an object.`);
  }
  if (code === "EISDIR" || code === "ENOTEMPTY") {
    return new AwsError("InvalidArgument", `${taken} ${key}: there are already objects whose keys begin with ${key}/.`);
  }
  return error;
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return null;
    throw error;
  }
}

/** S3 has no folders: one without objects must not stand in the way of an object of its name. */
async function removeEmptyFolders(dir: string, bucketDir: string): Promise<void> {
  for (let current = dir; current !== bucketDir; current = dirname(current)) {
    try {
      await rmdir(current);
    } catch {
      return;
    }
  }
}
