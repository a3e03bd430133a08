"""How long an event record takes to decode, beside the package tensorboard: `python -m tests.benchmarks.event_records`.

The records of the recorded event files, taken apart to what is read of them: time, step, tag, number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tensorboard.compat.proto import event_pb2

from runner.foreign import event_record, tensorboard
from tests.foreign.samples import SAMPLES

ROUNDS = 40


def theirs(record: bytes) -> None:
    event = event_pb2.Event.FromString(record)
    for value in event.summary.value:
        _ = event.wall_time, event.step, value.tag, value.WhichOneof("value"), value.simple_value


def ours(record: bytes) -> None:
    event = event_record.decode(record)
    for value in event.values:
        _ = event.wall_time, event.step, value.tag, value.number, value.text


def seconds(decode: Callable[[bytes], None], records: list[bytes]) -> float:
    """A record, in the best of many rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for record in records:
            decode(record)
        best = min(best, time.perf_counter() - started)
    return best / len(records)


def main() -> None:
    files = sorted(SAMPLES.rglob("*.tfevents.*"))
    records = [record for file in files for record in tensorboard._EventFile(file).records()]
    package, own = seconds(theirs, records), seconds(ours, records)
    print(
        json.dumps(
            {
                "records": len(records),
                "package_us": round(package * 1e6, 2),
                "own_us": round(own * 1e6, 2),
                "ratio": round(own / package, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
