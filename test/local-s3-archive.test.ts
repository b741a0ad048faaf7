import { readFileSync } from "node:fs";
import { CopyObjectCommand, HeadObjectCommand, RestoreObjectCommand, type Tier } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { type DataTable, readCatalog } from "../local/athena/catalog.ts";
import { filesOf } from "../local/athena/table-files.ts";
import { loadTemplate } from "../local/template/load.ts";
import { projectDir } from "./local-project/project.ts";
import { Bucket, client, clock, get, list, put, rawRequest, rootDir, startMs, store } from "./local-s3.ts";

const HOUR = 3_600_000;
const Key = "raw/one.gz";
const frozen = (StorageClass: "GLACIER" | "DEEP_ARCHIVE" = "GLACIER") => put(Key, "bytes", { StorageClass });
const head = () => client.send(new HeadObjectCommand({ Bucket, Key }));
const restore = (Days: number, tier: Tier = "Standard", key = Key) =>
  client.send(
    new RestoreObjectCommand({ Bucket, Key: key, RestoreRequest: { Days, GlacierJobParameters: { Tier: tier } } }),
  );
const copy = (more: object = {}) =>
  client.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${Key}`, ...more }));
const refused = (name: string, httpStatusCode: number) => ({ name, $metadata: { httpStatusCode } });
const listed = async () =>
  (await list({ OptionalObjectAttributes: ["RestoreStatus"] })).Contents?.find((object) => object.Key === Key);

describe("a storage class", () => {
  it("is kept, told by a head and by a listing, and is that of the copy where one is made", async () => {
    await put(Key, "bytes", { StorageClass: "GLACIER_IR" });
    await put("plain", "bytes");
    expect((await head()).StorageClass).toBe("GLACIER_IR");
    expect(String(await get(Key))).toBe("bytes");
    const classes = async () => (await list({})).Contents?.map((object) => object.StorageClass);
    expect(await classes()).toEqual(["STANDARD", "GLACIER_IR"]);
    await copy();
    await copy({ Key: "colder", StorageClass: "DEEP_ARCHIVE" });
    expect(await classes()).toEqual(["DEEP_ARCHIVE", "STANDARD", "STANDARD", "GLACIER_IR"]);
    await expect(restore(1)).rejects.toMatchObject(refused("InvalidObjectState", 403));
    const unknown = await rawRequest("PUT", "/lake/x", { "x-amz-storage-class": "COLD" }, "x");
    expect(unknown).toMatchObject({ statusCode: 400, body: expect.stringContaining("InvalidStorageClass") });
  });
});

describe("a frozen object", () => {
  it("is there, but is neither read nor copied", async () => {
    await frozen();
    await expect(get(Key)).rejects.toMatchObject(refused("InvalidObjectState", 403));
    await expect(copy()).rejects.toMatchObject(refused("ObjectNotInActiveTierError", 403));
    expect(await head()).toMatchObject({ ContentLength: 5, StorageClass: "GLACIER" });
    expect((await head()).Restore).toBeUndefined();
    expect(await listed()).toMatchObject({ Size: 5, StorageClass: "GLACIER" });
    expect(await listed()).not.toHaveProperty("RestoreStatus");
  });

  it("can be read when it has been brought back, until the midnight after the days that were asked for", async () => {
    await frozen();
    expect((await restore(2)).$metadata.httpStatusCode).toBe(202);
    expect((await head()).Restore).toBe('ongoing-request="true"');
    expect(await listed()).toMatchObject({ RestoreStatus: { IsRestoreInProgress: true } });
    await expect(restore(2)).rejects.toMatchObject(refused("RestoreAlreadyInProgress", 409));
    await clock.advanceTo(startMs + 5 * HOUR - 1);
    await expect(get(Key)).rejects.toMatchObject(refused("InvalidObjectState", 403));
    await clock.advanceTo(startMs + 5 * HOUR);
    expect(String(await get(Key))).toBe("bytes");
    await copy();
    expect((await head()).Restore).toBe('ongoing-request="false", expiry-date="Mon, 05 Jan 2026 00:00:00 GMT"');
    const RestoreExpiryDate = new Date("2026-01-05T00:00:00Z");
    expect(await listed()).toMatchObject({ RestoreStatus: { IsRestoreInProgress: false, RestoreExpiryDate } });
    await clock.advanceTo(RestoreExpiryDate.getTime() - 1);
    expect((await restore(1)).$metadata.httpStatusCode).toBe(200);
    await clock.advanceTo(RestoreExpiryDate.getTime());
    expect(String(await get(Key))).toBe("bytes");
    await clock.advanceTo(RestoreExpiryDate.getTime() + 24 * HOUR);
    await expect(get(Key)).rejects.toMatchObject(refused("InvalidObjectState", 403));
    expect((await head()).Restore).toBeUndefined();
    await put(Key, "anew");
    expect(String(await get(Key))).toBe("anew");
  });

  it.each([
    ["GLACIER", "Expedited", HOUR / 12],
    ["GLACIER", "Bulk", 12 * HOUR],
    ["DEEP_ARCHIVE", "Standard", 12 * HOUR],
    ["DEEP_ARCHIVE", "Bulk", 48 * HOUR],
  ] as const)("in %s comes back by %s after the longest time that AWS names", async (storageClass, tier, takesMs) => {
    await frozen(storageClass);
    await restore(1, tier);
    await clock.advanceTo(startMs + takesMs - 1);
    await expect(get(Key)).rejects.toMatchObject({ name: "InvalidObjectState" });
    await clock.advanceTo(startMs + takesMs);
    expect(String(await get(Key))).toBe("bytes");
  });

  it("is not brought back for no days, by a tier that its class has not, or where there is none", async () => {
    await frozen("DEEP_ARCHIVE");
    await expect(restore(1, "Expedited")).rejects.toMatchObject(refused("InvalidArgument", 400));
    await expect(restore(0)).rejects.toMatchObject(refused("MalformedXML", 400));
    await expect(restore(1, "Bulk", "nothing")).rejects.toMatchObject(refused("NoSuchKey", 404));
  });
});

describe("a query of Athena", () => {
  const table = (parameters: object): DataTable => {
    const TableInput = {
      Name: "t",
      Parameters: parameters,
      StorageDescriptor: {
        Location: `s3://${Bucket}/`,
        SerdeInfo: { SerializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
        Columns: [],
      },
    };
    const Properties = { CatalogId: "1", DatabaseName: "d", TableInput };
    const Resources = { Table: { Type: "AWS::Glue::Table", Properties } };
    const templateText = JSON.stringify({ Resources });
    return readCatalog(loadTemplate({ templatePath: "/somewhere/template.yaml", templateText })).find(
      "d",
      "t",
    ) as DataTable;
  };
  const keysOf = async (parameters: object) =>
    (await filesOf(table(parameters), { objects: store, rootDir, nowMs: clock.now() })).map(({ key }) => key);
  const restoredToo = { read_restored_glacier_objects: "true" };

  it("passes over frozen objects, also over those that were brought back unless the table says so", async () => {
    await frozen();
    await put("raw/instant", "bytes", { StorageClass: "GLACIER_IR" });
    expect(await keysOf({})).toEqual(["raw/instant"]);
    expect(await keysOf(restoredToo)).toEqual(["raw/instant"]);
    await restore(1);
    expect(await keysOf(restoredToo)).toEqual(["raw/instant"]);
    await clock.advanceTo(startMs + 5 * HOUR);
    expect(await keysOf({})).toEqual(["raw/instant"]);
    expect(await keysOf(restoredToo)).toEqual(["raw/instant", Key]);
  });

  it("of the archive reads what was brought back", () => {
    const templatePath = `${projectDir}/template.yaml`;
    const template = loadTemplate({ templatePath, templateText: readFileSync(templatePath, "utf8") });
    const [database] = template.of("AWS::Glue::Database").map(({ name }) => name);
    expect(readCatalog(template).find(String(database), "raw")).toMatchObject({ readsRestored: true });
  });
});
