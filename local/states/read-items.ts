/**
 * ItemReader: the items of a distributed Map that lie in S3: a listing of objects, one object's items (JSON, JSON Lines, CSV), those of all objects
 * of a listing, of an Athena manifest or of an S3 inventory. Requests go out under the machine's role.
 */
import type { Item } from "./given-items.ts";
import { insideBucket, itemsIn, type ReaderConfig, rowsOf } from "./item-formats.ts";
import { isMap, type Json, type JsonMap } from "./json.ts";
import { readResource, type TaskResource } from "./resource.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";

/** An object, or a place for them. */
interface Place {
  readonly bucket: string;
  readonly key: string;
}

const greatestMaxItems = 100_000_000;

/** Throws States.ItemReaderFailed. */
export async function readItems(reader: JsonMap, strand: Strand): Promise<readonly Item[]> {
  const given = await strand.value(reader.Arguments ?? {}, "ItemReader/Arguments");
  const { Bucket: bucket, Key: key, Prefix: prefix = "" } = isMap(given) ? given : {};
  const written = (reader.ReaderConfig ?? {}) as JsonMap;
  const { MaxItems: most = greatestMaxItems, ...rest } = written;
  const config = rest as ReaderConfig;
  const limit = await strand.wholeNumber(most, "ItemReader/ReaderConfig/MaxItems", 1, greatestMaxItems);
  const isListing = reader.Resource === "arn:aws:states:::s3:listObjectsV2";
  try {
    if (isListing) return await listed({ bucket: String(bucket), key: String(prefix) }, config, strand, limit);
    return await objectItems({ bucket: String(bucket), key: String(key) }, config, strand, limit);
  } catch (error) {
    if (error instanceof StateError || error instanceof SyntaxError)
      throw new StateError("States.ItemReaderFailed", error.message);
    throw error;
  }
}

async function listed(place: Place, config: ReaderConfig, strand: Strand, limit: number): Promise<readonly Item[]> {
  const { bucket, key: prefix } = place;
  const isFlat = config.Transformation === "LOAD_AND_FLATTEN";
  const objects: JsonMap[] = [];
  for (let token: Json | undefined, isMore = true; isMore && (isFlat || objects.length < limit); ) {
    const more = token === undefined ? {} : { ContinuationToken: token };
    const page = (await called("listObjectsV2", { Bucket: bucket, Prefix: prefix, ...more }, strand)) as JsonMap;
    objects.push(...(page.Contents as readonly JsonMap[]));
    token = page.NextContinuationToken;
    isMore = token !== undefined;
  }
  if (isFlat)
    return allItems(
      objects.map(({ Key: key }) => ({ bucket, key: String(key) })),
      config,
      strand,
      limit,
    );
  const source = `s3://${bucket}/${prefix}`;
  return objects.slice(0, limit).map(({ ETag, Key, LastModified, Size, StorageClass }) => ({
    // Step Functions' own spelling and units.
    value: {
      Etag: ETag as Json,
      Key: Key as Json,
      LastModified: Math.floor(Date.parse(String(LastModified)) / 1000),
      Size: Size as Json,
      StorageClass: StorageClass as Json,
    },
    source,
  }));
}

async function objectItems(
  place: Place,
  config: ReaderConfig,
  strand: Strand,
  limit: number,
): Promise<readonly Item[]> {
  if (config.ManifestType === "ATHENA_DATA") {
    const rows = rowsOf(await bytesOf(place, strand), ",");
    return allItems(
      rows.map(([address]) => insideBucket(String(address))),
      config,
      strand,
      limit,
    );
  }
  if (config.InputType === "MANIFEST") return inventoryItems(place, strand, limit);
  return allItems([place], config, strand, limit);
}

/** A manifest of S3 inventory names its columns and the files with their rows, which have no header. */
async function inventoryItems(place: Place, strand: Strand, limit: number): Promise<readonly Item[]> {
  const manifest = JSON.parse((await bytesOf(place, strand)).toString()) as JsonMap;
  const { destinationBucket, fileFormat, fileSchema, files } = manifest;
  if (fileFormat !== "CSV" || !Array.isArray(files))
    throw new SyntaxError(`s3://${place.bucket}/${place.key}: expected the manifest of an inventory in CSV.`);
  const bucket = String(destinationBucket ?? place.bucket).replace(/^arn:.*:::/, "");
  const CSVHeaders = String(fileSchema).split(/, */);
  const config = { InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders } as const;
  const places = (files as readonly JsonMap[]).map(({ key }) => ({ bucket, key: String(key) }));
  return allItems(places, config, strand, limit);
}

async function allItems(
  places: readonly Place[],
  config: ReaderConfig,
  strand: Strand,
  limit: number,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (const place of places) {
    if (items.length >= limit) break;
    const source = `s3://${place.bucket}/${place.key}`;
    // One by one: an object may hold more items than a call takes arguments.
    for (const value of itemsIn(await bytesOf(place, strand), config, source)) items.push({ value, source });
  }
  return items.slice(0, limit);
}

async function bytesOf({ bucket, key }: Place, { around, execution }: Strand): Promise<Buffer> {
  return around.pace.call(() => around.wire.object(bucket, key, callerOf(execution)));
}

async function called(action: string, input: JsonMap, { around, execution }: Strand): Promise<Json> {
  const resource = readResource(`arn:aws:states:::aws-sdk:s3:${action}`) as TaskResource;
  return around.pace.call(() => around.wire.call(resource, input, callerOf(execution)));
}

function callerOf({ machine }: Strand["execution"]): string {
  return `${machine.logicalId}-1`;
}
