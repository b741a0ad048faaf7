/** Storage classes, and the copies by which an object of a frozen one can be read for some days. */
import { AwsError } from "../aws-error.ts";

const storageClasses = [
  ...["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"],
  ...["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"],
] as const;
export type StorageClass = (typeof storageClasses)[number];

/** What is asked for, and how long it takes. */
export interface RestoreRequest {
  readonly days: number;
  readonly tier: string;
}

/** A copy that is being made, or is there, of a frozen object. */
export interface Restore {
  readonly readyMs: number;
  readonly expiresMs: number;
}

export interface ArchiveState {
  readonly storageClass: StorageClass;
  /** Null where none was asked for, or where it has expired. */
  readonly restore: { readonly isOngoing: boolean; readonly expiresMs: number } | null;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The longest that AWS names for each tier. A class that is not here can be read at once. */
const thawMs: Readonly<Partial<Record<StorageClass, Readonly<Record<string, number>>>>> = {
  GLACIER: { Expedited: 5 * MINUTE_MS, Standard: 5 * HOUR_MS, Bulk: 12 * HOUR_MS },
  DEEP_ARCHIVE: { Standard: 12 * HOUR_MS, Bulk: 48 * HOUR_MS },
};

/** Throws InvalidStorageClass. */
export function storageClassOf(written: unknown): StorageClass {
  const found = storageClasses.find((known) => known === (written ?? "STANDARD"));
  if (found !== undefined) return found;
  throw new AwsError("InvalidStorageClass", `The storage class you specified is not valid: ${written}`);
}

export function isFrozen({ storageClass }: Pick<ArchiveState, "storageClass">): boolean {
  return storageClass in thawMs;
}

/** Whether its bytes can be had: of a frozen object while there is a copy. */
export function isReadable(state: ArchiveState): boolean {
  return !isFrozen(state) || state.restore?.isOngoing === false;
}

export function stateOf(storageClass: StorageClass, restore: Restore | null, nowMs: number): ArchiveState {
  if (restore === null || restore.expiresMs <= nowMs) return { storageClass, restore: null };
  return { storageClass, restore: { isOngoing: nowMs < restore.readyMs, expiresMs: restore.expiresMs } };
}

/** The copy that comes of a request: a new one, or the one that is there for longer. Throws what S3 answers. */
export function restored(state: ArchiveState, { days, tier }: RestoreRequest, nowMs: number): Restore {
  const tiers = thawMs[state.storageClass];
  if (tiers === undefined) {
    const message = `Restore is not allowed for the object's current storage class: ${state.storageClass}`;
    throw new AwsError("InvalidObjectState", message, 403);
  }
  if (state.restore?.isOngoing === true)
    throw new AwsError("RestoreAlreadyInProgress", "Object restore is already in progress", 409);
  const takesMs = tiers[tier];
  if (takesMs === undefined) {
    const known = Object.keys(tiers).join(", ");
    throw new AwsError("InvalidArgument", `Expected a tier of ${state.storageClass} (${known}), got ${tier}.`);
  }
  const readyMs = state.restore === null ? nowMs + takesMs : nowMs;
  // Up to the midnight after.
  return { readyMs, expiresMs: (Math.floor(readyMs / DAY_MS) + days + 1) * DAY_MS };
}
