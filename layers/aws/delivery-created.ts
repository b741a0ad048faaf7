import { DescribeDeliveryStreamCommand, type FirehoseClient } from "@aws-sdk/client-firehose";

/** When a delivery stream was created (epoch ms). With a stream as source it delivers what came later, and nothing before. */
export async function deliveryCreatedMs(client: Pick<FirehoseClient, "send">, deliveryStream: string): Promise<number> {
  const command = new DescribeDeliveryStreamCommand({ DeliveryStreamName: deliveryStream });
  const { DeliveryStreamDescription: found } = await client.send(command);
  if (found?.CreateTimestamp === undefined) throw new Error(`Firehose does not say when ${deliveryStream} was created`);
  return found.CreateTimestamp.getTime();
}
