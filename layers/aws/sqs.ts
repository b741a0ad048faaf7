import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";

/** Hands each message's body to `handle`; those for which it throws are reported, and SQS delivers them again. */
export async function forEachMessage(
  event: SQSEvent,
  handle: (body: string) => Promise<void>,
): Promise<SQSBatchResponse> {
  const processor = new BatchProcessor(EventType.SQS);
  // A batch that failed whole is reported message by message too, as no error of the function.
  const options = { throwOnFullBatchFailure: false };
  return processPartialResponse(event, ({ body }: { readonly body: string }) => handle(body), processor, options);
}
