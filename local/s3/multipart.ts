/** Multipart uploads. Parts wait in memory, and become an object only as a whole. */
import { createHash, hash } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import { readBody } from "../http-body.ts";
import { putOptionsOf } from "./objects.ts";
import { type Call, type S3Operation, xmlReply } from "./operation.ts";
import { readPayload } from "./payload.ts";
import type { ObjectStore, PutOptions } from "./store.ts";
import { insideAll, unescapeXml } from "./xml.ts";

const greatestPartNumber = 10_000;
const smallestPartBytes = 5 * 1024 * 1024;
const completionLimitBytes = 4 * 1024 * 1024;

interface Part {
  readonly body: Buffer;
  readonly etag: string;
}

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly options: PutOptions;
  readonly parts: Map<number, Part>;
}

export function multipartOperations(store: ObjectStore): Record<string, S3Operation> {
  const uploads = new Map<string, Upload>();
  let uploadCount = 0;

  const uploadOf = ({ bucket, key, query }: Call): Upload => {
    const upload = uploads.get(query.get("uploadId") ?? "");
    if (upload?.bucket === bucket && upload.key === key) return upload;
    const message =
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    throw new AwsError("NoSuchUpload", message, 404);
  };

  return {
    async CreateMultipartUpload({ bucket, key, request }) {
      // Better to hear now than after the last part that the bucket is not there or the key not storable.
      await store.head(bucket, key);
      // Ids are counted, not drawn, so that a run can be repeated.
      const uploadId = `upload-${String(++uploadCount).padStart(8, "0")}`;
      uploads.set(uploadId, { bucket, key, options: putOptionsOf(request.headers), parts: new Map() });
      return xmlReply("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: uploadId });
    },
    async UploadPart(call) {
      const { parts } = uploadOf(call);
      const body = await readPayload(call.request);
      const etag = hash("md5", body, "hex");
      parts.set(partNumber(call.query.get("partNumber")), { body, etag });
      return { headers: { etag: `"${etag}"` } };
    },
    async CompleteMultipartUpload(call) {
      const upload = uploadOf(call);
      const { bucket, key } = upload;
      const parts = namedParts((await readBody(call.request, completionLimitBytes)).toString(), upload.parts);
      const etag = combinedEtag(parts);
      const body = Buffer.concat(parts.map((part) => part.body));
      await store.put(bucket, key, body, { ...upload.options, etag });
      uploads.delete(call.query.get("uploadId") ?? "");
      return xmlReply("CompleteMultipartUploadResult", {
        Location: `/${bucket}/${key}`,
        Bucket: bucket,
        Key: key,
        ETag: `"${etag}"`,
      });
    },
    async AbortMultipartUpload(call) {
      uploadOf(call);
      uploads.delete(call.query.get("uploadId") ?? "");
      return { statusCode: 204 };
    },
  };
}

function partNumber(text: string | null): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= greatestPartNumber) return number;
  throw new AwsError(
    "InvalidArgument",
    `Part number must be an integer between 1 and ${greatestPartNumber}, inclusive; got ${text}.`,
  );
}

/** The parts that the client lists, in its order, which must be that of their numbers. */
function namedParts(xml: string, uploaded: ReadonlyMap<number, Part>): readonly Part[] {
  let previous = 0;
  const parts = insideAll(xml, "Part").map((element) => {
    const number = partNumber(insideAll(element, "PartNumber")[0] ?? null);
    if (number <= previous) throw new AwsError("InvalidPartOrder", "The list of parts was not in ascending order.");
    previous = number;
    const part = uploaded.get(number);
    const etag = unescapeXml(insideAll(element, "ETag")[0] ?? "").replaceAll('"', "");
    if (part === undefined || part.etag !== etag) {
      throw new AwsError(
        "InvalidPart",
        `One or more of the specified parts could not be found: part ${number} with entity tag ${etag}.`,
      );
    }
    return part;
  });
  if (parts.length === 0) throw new AwsError("MalformedXML", "Expected the list of parts, got none.");
  if (parts.slice(0, -1).some(({ body }) => body.length < smallestPartBytes)) {
    throw new AwsError(
      "EntityTooSmall",
      `Your proposed upload is smaller than the minimum allowed size: each part but the last needs ${smallestPartBytes} bytes.`,
    );
  }
  return parts;
}

/** As S3 makes it: the MD5 of the parts' MD5s, and their number. */
function combinedEtag(parts: readonly Part[]): string {
  const md5 = createHash("md5");
  for (const { etag } of parts) md5.update(Buffer.from(etag, "hex"));
  return `${md5.digest("hex")}-${parts.length}`;
}
