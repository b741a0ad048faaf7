/** A small lake of sales as JSON lines, with what else a query could meet in a template. */
import { gzipLines, type LocalAthena, openAthena } from "./local-athena.ts";

const placeholder = (name: string) => `$${"{"}${name}}`;

const templateText = `
Resources:
  LakeBucket: { Type: AWS::S3::Bucket }
  Database: { Type: AWS::Glue::Database, Properties: { DatabaseInput: { Name: shop } } }
  Sales:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: !Ref Database
      TableInput:
        Name: sales
        TableType: EXTERNAL_TABLE
        PartitionKeys: [{ Name: dt, Type: string }, { Name: hour, Type: string }]
        Parameters:
          projection.enabled: "true"
          projection.dt.type: date
          projection.dt.format: yyyy-MM-dd
          projection.dt.range: 2026-01-01,NOW+1DAYS
          projection.hour.type: integer
          projection.hour.range: 0,23
          projection.hour.digits: "2"
          storage.location.template: !Sub s3://${placeholder("LakeBucket")}/sales/dt=${placeholder("!dt")}/hour=${placeholder("!hour")}/
        StorageDescriptor:
          Location: !Sub s3://${placeholder("LakeBucket")}/sales/
          SerdeInfo: { SerializationLibrary: org.openx.data.jsonserde.JsonSerDe }
          Columns:
            - { Name: id, Type: bigint }
            - { Name: itemname, Type: string }
            - { Name: price, Type: "decimal(18,4)" }
            - { Name: at, Type: timestamp }
            - { Name: never, Type: string }
  Empty:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: !Ref Database
      TableInput:
        Name: empty
        StorageDescriptor:
          Location: !Sub s3://${placeholder("LakeBucket")}/empty/
          SerdeInfo: { SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe }
          Columns: [{ Name: id, Type: bigint }, { Name: tags, Type: "array<string>" }]
  Orc:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: !Ref Database
      TableInput:
        Name: orc
        StorageDescriptor:
          Location: !Sub s3://${placeholder("LakeBucket")}/orc/
          SerdeInfo: { SerializationLibrary: org.apache.hadoop.hive.ql.io.orc.OrcSerde }
          Columns: [{ Name: id, Type: bigint }]
  Reporter:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: h.handler
      Runtime: nodejs24.x
      Policies:
        - Statement:
            - { Effect: Allow, Action: "athena:*", Resource: "*" }
            - { Effect: Allow, Action: "glue:Get*", Resource: "*" }
            - { Effect: Allow, Action: ["s3:GetBucketLocation", "s3:ListBucket*"], Resource: !GetAtt LakeBucket.Arn }
            - Effect: Allow
              Action: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
              Resource: [!Sub "${placeholder("LakeBucket.Arn")}/results/*", !Sub "${placeholder("LakeBucket.Arn")}/sales/dt=2026-01-02/*"]
  Group:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: anything
      WorkGroupConfiguration:
        BytesScannedCutoffPerQuery: 10000000
        ResultConfiguration: { OutputLocation: !Sub "s3://${placeholder("LakeBucket")}/results/" }
  Named:
    Type: AWS::Athena::NamedQuery
    Properties: { Name: all, Database: !Ref Database, WorkGroup: !Ref Group, QueryString: SELECT id FROM sales }
`;

export const day = "sales/dt=2026-01-02/hour=03";

export async function openSales(): Promise<LocalAthena> {
  const nowMs = Date.UTC(2026, 0, 10, 12);
  const athena = await openAthena({ templateText, nowMs, workGroup: "group", database: "shop" });
  const first = { id: 1, itemName: 'a "b", c', price: 1.5, at: "2026-01-02 03:04:05.678" };
  await athena.put("lake", `${day}/a.gz`, gzipLines(first, { ID: 2, itemname: null, price: "2.25" }));
  await athena.put("lake", "sales/dt=2026-01-03/hour=00/a.gz", gzipLines({ id: 3, itemName: "" }));
  return athena;
}
