/** Passes over that the object of a conditional put (`IfNoneMatch: "*"`) is there already. */
export async function unlessThere(put: Promise<unknown>): Promise<void> {
  try {
    await put;
  } catch (error) {
    if (!(error instanceof Error && error.name === "PreconditionFailed")) throw error;
  }
}
