import type { Runtime } from "../../local/runtime.ts";
import type { ExampleEvent } from "./example-event.ts";
import { pasteLine } from "./paste.ts";

/** What a person needs to begin: where it listens, and lines to paste. The credentials are only there because clients insist on some. */
export function banner(
  { url, apiUrl, physicalId, notSimulated }: Pick<Runtime, "url" | "apiUrl" | "physicalId" | "notSimulated">,
  {
    outName,
    example,
    view,
    dashboardUrl,
  }: {
    readonly outName: string;
    readonly example: ExampleEvent | null;
    readonly view: string;
    readonly dashboardUrl: string;
  },
): string {
  const stream = physicalId("EventStream");
  const send =
    example === null ? `npm run send -- --endpoint ${url} --input your-events.ndjson` : pasteLine(stream, example);
  const ask = `curl ${apiUrl}/features/${view}/${encodeURIComponent(example?.partitionKey ?? "some-entity")}`;
  return `
Dashboard  ${dashboardUrl}
Endpoint   ${url}
${apiUrl === null ? "" : `HTTP API   ${apiUrl}\n`}Stream     ${stream}
Objects    ${outName}/<bucket>/<key>, logs in ${outName}/logs

  export AWS_ENDPOINT_URL=${url} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  ${send}
${apiUrl === null ? "" : `  ${ask}\n`}
On AWS only: ${notSimulated.join(", ")}.
Ctrl-C stops.
`;
}
