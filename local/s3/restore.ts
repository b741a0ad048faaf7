/** RestoreObject, as far as it brings back an object out of an archive. */
import { AwsError } from "../aws-error.ts";
import type { S3Operation } from "./operation.ts";
import { readPayload } from "./payload.ts";
import type { ObjectStore } from "./store.ts";
import { insideAll } from "./xml.ts";

export function restoreOperations(store: ObjectStore): Record<string, S3Operation> {
  return {
    async RestoreObject({ bucket, key, request }) {
      const xml = (await readPayload(request)).toString();
      const days = Number(insideAll(xml, "Days")[0]);
      if (!(Number.isInteger(days) && days >= 1))
        throw new AwsError("MalformedXML", "Expected a RestoreRequest with Days, a whole number of at least 1.");
      const tier = insideAll(xml, "Tier")[0] ?? "Standard";
      const had = await store.head(bucket, key);
      await store.restore(bucket, key, { days, tier });
      return { statusCode: had?.restore == null ? 202 : 200 };
    },
  };
}
