import type { Runtime } from "../../local/runtime.ts";

/** What a person needs to begin: where it listens, and one line to paste. The credentials are only there because clients insist on some. */
export function banner({ url, physicalId, notSimulated }: Runtime, outName: string): string {
  const stream = physicalId("EventStream");
  const event = {
    event_id: "e1",
    event_type: "view",
    event_time: new Date().toISOString(),
    user_id: "u1",
    item_id: "i1",
  };
  return `
Endpoint   ${url}
Stream     ${stream}
Objects    ${outName}/<bucket>/<key>, logs in ${outName}/logs

  export AWS_ENDPOINT_URL=${url} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  aws kinesis put-record --stream-name ${stream} --partition-key u1 --cli-binary-format raw-in-base64-out --data '${JSON.stringify(event)}'

On AWS only: ${notSimulated.join(", ")}.
Ctrl-C stops.
`;
}
