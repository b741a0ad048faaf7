/**
 * What needs a KMS key, by the key that the template gives a stream, a table or a bucket. The runtime encrypts nothing; but on AWS a caller who may
 * read an encrypted stream and not decrypt gets nothing, so the use of a key follows from the use of what it encrypts.
 */
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import type { Needed } from "./requests.ts";

export type KeyUse = (needed: Needed) => readonly Needed[];

/** Keys of AWS's own (`alias/aws/kinesis`, AES256) need no permission. */
export function keyUseOf(template: Template): KeyUse {
  const keys = new Map<string, string>();
  for (const { type, arn, properties } of template.resources) {
    const key = keyOf(type, properties);
    if (key !== null && /^arn:aws[\w-]*:kms:/.test(key)) keys.set(arn, key);
  }
  if (keys.size === 0) return () => [];
  return ({ action, resource }) => {
    const key = keys.get(encrypted(resource));
    const uses = key === undefined ? null : actionsOf(action);
    return (uses ?? []).map((use) => ({ action: use, resource: key as string }));
  };
}

function keyOf(type: string, properties: ValueMap): string | null {
  switch (type) {
    case "AWS::Kinesis::Stream":
      return textAt(properties, "StreamEncryption", "KeyId");
    case "AWS::DynamoDB::Table":
      return textAt(properties, "SSESpecification", "KMSMasterKeyId");
    case "AWS::S3::Bucket": {
      const rules = (properties.BucketEncryption as ValueMap | undefined)?.ServerSideEncryptionConfiguration;
      const [rule] = (Array.isArray(rules) ? rules : []) as readonly ValueMap[];
      return rule === undefined ? null : textAt(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID");
    }
    default:
      return null;
  }
}

/** The stream of a consumer, the bucket of an object, the table of an index. */
function encrypted(resource: string): string {
  return resource.replace(/^(arn:aws[\w-]*:s3:::[^/]+)\/.*$/, "$1").replace(/\/(consumer|index)\/.*$/, "");
}

function actionsOf(action: string): readonly string[] | null {
  if (/^kinesis:(GetRecords|SubscribeToShard)$/.test(action)) return ["kms:Decrypt"];
  if (/^kinesis:PutRecords?$/.test(action)) return ["kms:GenerateDataKey"];
  if (action === "s3:GetObject") return ["kms:Decrypt"];
  if (action === "s3:PutObject") return ["kms:GenerateDataKey"];
  // The data keys of a table are DynamoDB's; a caller has to be able to have them decrypted.
  return /^dynamodb:(Batch|Get|Put|Update|Delete|Query|Scan)/.test(action) ? ["kms:Decrypt"] : null;
}

function textAt(properties: ValueMap, outer: string, inner: string): string | null {
  const value = (properties[outer] as ValueMap | undefined)?.[inner];
  return value === undefined ? null : String(value);
}
