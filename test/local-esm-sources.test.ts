import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createMetrics } from "../local/cloudwatch/metrics.ts";
import { createMappings } from "../local/esm/create-mappings.ts";
import { readMappings } from "../local/esm/read-settings.ts";
import { createAccess } from "../local/iam/access.ts";
import { createKinesis } from "../local/kinesis/service.ts";
import { createMessaging } from "../local/messaging.ts";
import { createStreams } from "../local/resources.ts";
import { createObjectStore } from "../local/s3/store.ts";
import { loadTemplate } from "../local/template/load.ts";

describe("a mapping whose source or destination is not there is refused with its line", () => {
  it.each([
    [
      "a stream",
      "Type: Kinesis, Properties: { Stream: 'arn:aws:kinesis:us-east-1:000000000000:stream/none', StartingPosition: LATEST }",
      "InvalidParameterValueException: Stream not found: arn:aws:kinesis:us-east-1:000000000000:stream/none",
    ],
    [
      "a consumer",
      "Type: Kinesis, Properties: { Stream: 'arn:aws:kinesis:us-east-1:000000000000:stream/stream/consumer/none:1', StartingPosition: LATEST }",
      "InvalidParameterValueException: Consumer not found: arn:aws:kinesis:us-east-1:000000000000:stream/stream/consumer/none:1",
    ],
    [
      "a table without a stream",
      "Type: DynamoDB, Properties: { Stream: !GetAtt Table.StreamArn, StartingPosition: LATEST }",
      "InvalidParameterValueException: Stream not found: arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/",
    ],
    [
      "a queue",
      "Type: SQS, Properties: { Queue: 'arn:aws:sqs:us-east-1:000000000000:none' }",
      "InvalidParameterValueException: Queue not found: arn:aws:sqs:us-east-1:000000000000:none",
    ],
    [
      "a queue that shows a message again before the function's timeout",
      "Type: SQS, Properties: { Queue: !GetAtt Queue.Arn }",
      "InvalidParameterValueException: Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    ],
    [
      "a topic for failures",
      "Type: Kinesis, Properties: { Stream: !GetAtt Stream.Arn, StartingPosition: LATEST, DestinationConfig: { OnFailure: { Destination: 'arn:aws:sns:us-east-1:000000000000:none' } } }",
      "The destination on failure is no topic of the template: arn:aws:sns:us-east-1:000000000000:none",
    ],
  ])("%s", (_, event, message) => {
    expect(() => create(event)).toThrow(`template.yaml:11: FIn: ${message}`);
  });

  it("and one whose parts are all there is opened", () => {
    const destination = "DestinationConfig: { OnFailure: { Destination: !GetAtt Queue.Arn } }";
    const [mapping] = create(
      `Type: Kinesis, Properties: { Stream: !GetAtt Stream.Arn, StartingPosition: LATEST, ${destination} }`,
    );
    expect(mapping?.enabled()).toBe(true);
  });
});

function create(event: string) {
  const templateText = `
Resources:
  Stream: { Type: AWS::Kinesis::Stream }
  Queue: { Type: AWS::SQS::Queue }
  Table: { Type: AWS::DynamoDB::Table }
  F:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 60
      Events:
        In: { ${event} }`;
  const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText });
  const clock = virtualClock(0);
  const kinesis = createKinesis({ clock });
  createStreams(template, kinesis, clock);
  const log = () => {};
  const messaging = createMessaging({
    template,
    clock,
    time: "virtual",
    seed: 1,
    url: () => "http://127.0.0.1:9",
    log,
  });
  return createMappings(
    {
      template,
      access: createAccess(template),
      clock,
      kinesis,
      messaging,
      tables: { changesOf: () => undefined },
      objects: createObjectStore("/nowhere"),
      invoke: async () => ({ kind: "ok", payload: null, durationMs: 0 }),
      seed: 1,
      metrics: createMetrics({ clock }),
      region: "us-east-1",
      log,
    },
    readMappings(template, { nowMs: 0 }),
  );
}
