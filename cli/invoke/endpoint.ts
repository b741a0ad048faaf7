import { DEFAULT_PORT } from "../dev/options.ts";

/** The URL of a runtime that answers: the one given, else the one on the usual port; null when there is none. */
export async function findEndpoint(given: string | undefined): Promise<string | null> {
  for (const url of [given, `http://127.0.0.1:${DEFAULT_PORT}`]) {
    if (url !== undefined && url !== "" && (await answers(url))) return url;
  }
  return null;
}

/** Whatever it says: that it speaks HTTP is enough. */
async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.body?.cancel().then(() => true) ?? true,
    () => false,
  );
}
