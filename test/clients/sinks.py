"""Reads with boto3 what the pipeline left: every line of the raw objects in a bucket, and the items of a table under the keys given. Prints JSON."""
import gzip
import json
import sys

import boto3
from boto3.dynamodb.conditions import Key

bucket, table_name, *keys = sys.argv[1:]
s3 = boto3.client("s3")
table = boto3.resource("dynamodb").Table(table_name)

pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
objects = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
lines = []
for key in objects:
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    lines += [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
items = {key: table.query(KeyConditionExpression=Key("pk").eq(key))["Items"] for key in keys}
print(
    json.dumps(
        {
            "lines": lines,
            "items": {key: [{"lane": item["lane"], "version": int(item["version"])} for item in found] for key, found in items.items()},
        }
    )
)
