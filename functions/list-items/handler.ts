import {
  dynamoDbClient,
  dynamoTableItems,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3ResultObjects,
  text,
} from "@millrace/aws";
import { listItems } from "./list-items.ts";

const config = readConfig(process.env, { featuresTable: text("FEATURES_TABLE"), lakeBucket: text("LAKE_BUCKET") });

export const handler = listItems({
  table: dynamoTableItems({ client: dynamoDbClient(), table: config.featuresTable }),
  results: s3ResultObjects({ client: s3Client(), bucket: config.lakeBucket }),
  telemetry: powertoolsTelemetry(),
});
