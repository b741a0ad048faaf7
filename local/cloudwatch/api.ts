/** CloudWatch over AWS JSON 1.0, which the SDKs, boto3 and the AWS CLI speak today; older ones spoke the query protocol. */
import { awsJsonService, type JsonService } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import { alarmOperations } from "./alarm-operations.ts";
import type { Alarms } from "./alarms.ts";
import type { Metrics } from "./metrics.ts";
import { putMetricData } from "./put-metric-data.ts";
import { readOperations } from "./read-metrics.ts";

export interface CloudWatchOptions {
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  readonly clock: Pick<Clock, "now">;
}

export function cloudWatchApi({ metrics, alarms, clock }: CloudWatchOptions): JsonService {
  return awsJsonService({
    name: "CloudWatch",
    contentType: "application/x-amz-json-1.0",
    operations: {
      PutMetricData: putMetricData(metrics, clock),
      ...readOperations(metrics),
      ...alarmOperations(alarms),
    },
  });
}
