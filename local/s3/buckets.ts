/** CreateBucket, HeadBucket, ListBuckets, GetBucketLocation. */
import { AwsError } from "../aws-error.ts";
import { readBody } from "../http-body.ts";
import { type S3Operation, xmlReply } from "./operation.ts";
import type { ObjectStore } from "./store.ts";

const configurationLimitBytes = 64 * 1024;

export function bucketOperations(store: ObjectStore): Record<string, S3Operation> {
  const exists = (name: string): boolean => store.buckets().some((bucket) => bucket.name === name);
  const mustExist = (name: string): void => {
    if (!exists(name)) throw new AwsError("NoSuchBucket", `The specified bucket does not exist: ${name}`, 404);
  };

  return {
    async CreateBucket({ bucket, request }) {
      await readBody(request, configurationLimitBytes);
      if (exists(bucket)) {
        const message = "Your previous request to create the named bucket succeeded and you already own it.";
        throw new AwsError("BucketAlreadyOwnedByYou", message, 409);
      }
      await store.createBucket(bucket);
      return { headers: { location: `/${bucket}` } };
    },
    async HeadBucket({ bucket }) {
      mustExist(bucket);
      return { headers: { "x-amz-bucket-region": "us-east-1" } };
    },
    async ListBuckets() {
      const listed = store
        .buckets()
        .map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs).toISOString() }));
      return xmlReply("ListAllMyBucketsResult", {
        Owner: { ID: "local", DisplayName: "local" },
        Buckets: { Bucket: listed },
      });
    },
    async GetBucketLocation({ bucket }) {
      mustExist(bucket);
      return xmlReply("LocationConstraint", {});
    },
  };
}
