import type { ArchivedObject, ArchiveObjects, ReplayPlan, ReplayRequest } from "@millrace/aws";

export interface ThawDeps {
  readonly objects: ArchiveObjects;
}

/** Glacier takes hours: 3 to 5 as a rule, up to 48 from the deep archive. */
export const RESTORE_SECONDS = 900;

/** Asks for those that lie in Glacier; null when all can be read. */
export async function thaw(
  { objects }: ThawDeps,
  request: ReplayRequest,
  all: readonly ArchivedObject[],
): Promise<ReplayPlan | null> {
  await objects.restore(all.filter(({ state }) => state === "frozen"));
  const waiting = all.filter(({ state }) => state !== "readable").length;
  return waiting === 0 ? null : { kind: "restoring", request, objects: waiting, waitSeconds: RESTORE_SECONDS };
}

/**
 * Before Athena is asked about the archive of a time. It passes over what lies in Glacier and says nothing: it would find no record there, and so no
 * hole in the lake either.
 */
export async function thawBetween(
  deps: ThawDeps,
  request: ReplayRequest,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<ReplayPlan | null> {
  return thaw(deps, request, await deps.objects.between(fromMs, toMs));
}
