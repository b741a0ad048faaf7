"""Aggregates records with the KPL library of awslabs. Reads lists of {key, data} from standard input; prints, for each, the aggregate in base64
with the same broken in four ways."""
import base64
import json
import sys

from aws_kinesis_agg.aggregator import RecordAggregator


def aggregate(records):
    aggregator = RecordAggregator()
    for record in records:
        if aggregator.add_user_record(record["key"], record["data"].encode()) is not None:
            raise SystemExit("the records do not fit into one aggregate")
    _, _, data = aggregator.clear_and_get().get_contents()
    return {
        "good": data,
        "wrong magic": b"\xf3\x89\x9a\xc3" + data[4:],
        "wrong digest": data[:-1] + bytes([data[-1] ^ 1]),
        "wrong body": data[:10] + bytes([data[10] ^ 1]) + data[11:],
        "cut off": data[:19],
    }


for line in sys.stdin:
    made = aggregate(json.loads(line))
    print(json.dumps({name: base64.b64encode(data).decode() for name, data in made.items()}))
