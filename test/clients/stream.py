"""Takes a stream through its life with boto3 as it is, against AWS_ENDPOINT_URL, and prints what it saw as JSON. The test judges."""
import datetime
import json

import boto3

NAME = "clients"
HALF = str(2**127)
kinesis = boto3.client("kinesis")
seen = {}


def put(key, hash_key="0"):
    return kinesis.put_record(StreamName=NAME, PartitionKey=key, ExplicitHashKey=hash_key, Data=key.encode())


def shards():
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=NAME, PaginationConfig={"PageSize": 2})
    return [shard for page in pages for shard in page["Shards"]]


def open_shards():
    return [shard["ShardId"] for shard in shards() if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]


def iterator(kind, **position):
    asked = {"StreamName": NAME, "ShardId": shards()[0]["ShardId"], "ShardIteratorType": kind, **position}
    return kinesis.get_shard_iterator(**asked)["ShardIterator"]


def read(token):
    return [record["Data"].decode() for record in kinesis.get_records(ShardIterator=token)["Records"]]


def subscribe(consumer, shard, **position):
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=position)["EventStream"]


def events(stream):
    for event in stream:
        yield event["SubscribeToShardEvent"]


kinesis.create_stream(StreamName=NAME, ShardCount=2)
kinesis.get_waiter("stream_exists").wait(StreamName=NAME)
arn = kinesis.describe_stream_summary(StreamName=NAME)["StreamDescriptionSummary"]["StreamARN"]

# Every iterator type.
numbers = [put(key)["SequenceNumber"] for key in ("a", "b", "c")]
hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
latest = iterator("LATEST")
put("d")
seen["read"] = {
    "TRIM_HORIZON": read(iterator("TRIM_HORIZON")),
    "AT_SEQUENCE_NUMBER": read(iterator("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])),
    "AFTER_SEQUENCE_NUMBER": read(iterator("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])),
    "AT_TIMESTAMP": read(iterator("AT_TIMESTAMP", Timestamp=hour_ago)),
    "LATEST": read(latest),
}

# A call that brings ten seconds' worth to one shard.
mebibyte = bytes(2**20 - 1)
large = [{"PartitionKey": "k", "ExplicitHashKey": HALF, "Data": mebibyte} for _ in range(9)]
overload = kinesis.put_records(StreamName=NAME, Records=large)
seen["overload"] = {
    # The second record may find what has refilled since the first.
    "one or two of nine taken": overload["FailedRecordCount"] in (7, 8),
    "codes": sorted({record.get("ErrorCode", "none") for record in overload["Records"]}),
}

# Fan-out.
consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fast")["Consumer"]["ConsumerARN"]
first, second = open_shards()
pushed = subscribe(consumer, first, Type="LATEST")
put("pushed")
seen["pushed"] = [record["Data"].decode() for event in [next(events(pushed))] for record in event["Records"]]
pushed.close()
seen["consumers"] = [one["ConsumerName"] for one in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]]

# Resharding.
kinesis.split_shard(StreamName=NAME, ShardToSplit=first, NewStartingHashKey=str(2**126))
low, high = [shard["ShardId"] for shard in shards() if shard.get("ParentShardId") == first]
other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
end = list(events(subscribe(other, first, Type="TRIM_HORIZON")))
seen["end of shard"] = {
    "records": [record["Data"].decode() for event in end for record in event["Records"]],
    "children": [child["ShardId"] for child in end[-1]["ChildShards"]] == [low, high],
}
kinesis.merge_shards(StreamName=NAME, ShardToMerge=low, AdjacentShardToMerge=high)
kinesis.update_shard_count(StreamName=NAME, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
seen["open after scaling"] = len(open_shards())
try:
    kinesis.update_shard_count(StreamName=NAME, TargetShardCount=9, ScalingType="UNIFORM_SCALING")
except kinesis.exceptions.LimitExceededException as error:
    seen["refused"] = error.response["Error"]["Code"]

kinesis.delete_stream(StreamName=NAME, EnforceConsumerDeletion=True)
kinesis.get_waiter("stream_not_exists").wait(StreamName=NAME)
print(json.dumps(seen))
