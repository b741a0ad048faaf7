/** A template is read before the server listens, so a queue's URL in it is AWS's; what leaves the template gets this machine's in its place. */
export function withQueueUrls(
  values: Readonly<Record<string, string>>,
  region: string,
  serverUrl: string,
): Readonly<Record<string, string>> {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    value.replaceAll(`https://sqs.${region}.amazonaws.com`, serverUrl),
  ]);
  return Object.fromEntries(entries);
}
