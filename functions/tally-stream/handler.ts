import {
  keepBatchesYoung,
  kinesisClient,
  kinesisReader,
  readConfig,
  s3Client,
  s3ResultObjects,
  text,
} from "@millrace/aws";
import { tallyStream } from "./tally-stream.ts";

keepBatchesYoung();
const config = readConfig(process.env, { stream: text("EVENT_STREAM"), bucket: text("LAKE_BUCKET") });

export const handler = tallyStream({
  stream: kinesisReader({ client: kinesisClient(), stream: config.stream }),
  results: s3ResultObjects({ client: s3Client(), bucket: config.bucket }),
  now: () => Date.now(),
});
