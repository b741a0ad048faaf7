/** All files below a folder whose path from there begins with a prefix, as keys in the order of their UTF-8 bytes, which is S3's order. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export async function walk(dir: string, prefix: string): Promise<readonly string[]> {
  // Only the folders that the prefix allows are read.
  const depth = prefix.lastIndexOf("/") + 1;
  const start = prefix.slice(0, depth);
  const segments = start.split("/").slice(0, -1);
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".." || segment.includes("\0")))
    return [];
  const keys: string[] = [];
  await collect(join(dir, ...segments), start, prefix, keys);
  return inUtf8Order(keys);
}

async function collect(dir: string, keyBefore: string, prefix: string, keys: string[]): Promise<void> {
  for (const entry of await entriesOf(dir)) {
    const key = keyBefore + entry.name;
    if (entry.isDirectory()) {
      const below = `${key}/`;
      if (below.startsWith(prefix)) await collect(join(dir, entry.name), below, prefix, keys);
    } else if (key.startsWith(prefix)) keys.push(key);
  }
}

/** A folder that is not there, or vanishes while we walk, has no entries. */
async function entriesOf(dir: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function inUtf8Order(keys: readonly string[]): readonly string[] {
  return keys
    .map((key) => ({ key, bytes: Buffer.from(key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key }) => key);
}
