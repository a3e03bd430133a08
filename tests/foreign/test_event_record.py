"""Event records are decoded to what TensorBoard's own messages hold; damaged ones are refused, at once."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto

from runner.foreign import event_record, tensorboard
from runner.foreign.event_record import Event, Value, decode
from tests.foreign.samples import SAMPLES

RECORDED = sorted(SAMPLES.rglob("*.tfevents.*"))


def theirs(record: bytes) -> Event:
    """A record as the package reads it. DecodeError for a damaged one."""
    event = event_pb2.Event.FromString(record)
    return Event(event.wall_time, event.step, [their_value(value) for value in event.summary.value])


def their_value(value: Any) -> Value:
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return Value(value.tag, value.simple_value, None)
    if kind != "tensor":
        return Value(value.tag, None, None)
    texts = value.tensor.string_val
    return Value(value.tag, their_number(value.tensor), texts[0] if texts else None)


def their_number(tensor: Any) -> float | None:
    # Not asked about more: a damaged shape makes an array of any size.
    if math.prod(one.size for one in tensor.tensor_shape.dim) != 1:
        return None
    try:
        array = make_ndarray(tensor)
    except (TypeError, ValueError, OverflowError):
        return None
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiub" else None


def same(one: Event, other: Event) -> bool:
    """Equal, with NaN equal to NaN."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recorded_files_hold_the_same(path: Path) -> None:
    records = list(tensorboard._EventFile(path).records())
    assert sum(map(len, records)) > path.stat().st_size * 0.7
    events = [decode(record) for record in records]
    assert sum(len(event.values) for event in events) > 20
    for record, event in zip(records, events, strict=True):
        assert same(event, theirs(record))
        # The short way for usual records is the long way, shortened.
        assert same(event, event_record._any(record))


NUMPY_TYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "?"]
numbers = st.one_of(
    st.floats(),
    st.integers(-128, 127),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
)


@st.composite
def tensors(draw: st.DrawFn) -> TensorProto:
    """As the package makes them of numbers and texts, of one and of several; small ones also as bytes."""
    if draw(st.integers(0, 3)) == 0:
        texts = draw(st.lists(st.binary(max_size=20), max_size=3))
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(texts))])
        return TensorProto(dtype=7, string_val=texts, tensor_shape=shape)
    shape_of = draw(st.sampled_from([(), (1,), (1, 1), (2,), (0,), (5,)]))
    with np.errstate(all="ignore"):
        count = math.prod(shape_of)
        data = draw(st.binary(min_size=8 * count, max_size=8 * count))
        array = np.frombuffer(data, draw(st.sampled_from(NUMPY_TYPES)), count=count).reshape(shape_of)
        if array.dtype.kind == "b":
            array = array.view("u1") % 2 == 1
        made = make_tensor_proto(array)
        if draw(st.booleans()) and count:
            shape = made.tensor_shape
            made = TensorProto(dtype=made.dtype, tensor_shape=shape, tensor_content=array.tobytes())
    return made


metadata = st.sampled_from(
    [None, SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"), display_name="é")]
)
values = st.builds(
    lambda tag, what, metadata: Summary.Value(tag=tag, metadata=metadata, **what),
    st.text(max_size=200),
    st.one_of(
        st.builds(lambda number: {"simple_value": number}, st.floats(width=32)),
        st.builds(lambda tensor: {"tensor": tensor}, tensors()),
        st.sampled_from(
            [{}, {"histo": HistogramProto(num=3, bucket=[1.0])}, {"image": Summary.Image(height=1)}]
        ),
    ),
    metadata,
)
steps = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300)
events = st.one_of(
    st.builds(
        lambda wall_time, step, value: event_pb2.Event(
            wall_time=wall_time, step=step, summary=Summary(value=value)
        ),
        st.floats(),
        steps,
        st.lists(values, max_size=4) | values.map(lambda value: [value]),
    ),
    st.builds(lambda text: event_pb2.Event(wall_time=1.5, file_version=text), st.text(max_size=20)),
    st.builds(
        lambda graph, step: event_pb2.Event(step=step, graph_def=graph), st.binary(max_size=300), steps
    ),
)
records = events.map(lambda event: event.SerializeToString())


@given(records)
def test_what_the_package_writes_is_read(record: bytes) -> None:
    assert same(decode(record), theirs(record))


@given(st.lists(records, min_size=2, max_size=4))
def test_a_message_in_parts_is_put_together_as_the_package_does(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    assert same(decode(whole), theirs(whole))


@given(st.lists(values, min_size=2, max_size=4))
def test_so_is_a_value_in_parts(parts: list[Any]) -> None:
    value = b"".join(part.SerializeToString() for part in parts)
    record = field(5, field(1, value))
    assert same(decode(record), theirs(record))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def spoilt(rng: random.Random, record: bytes) -> bytes:
    """The record with a few bytes replaced, taken out, put in or doubled."""
    data = bytearray(record)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = rng.choice((rng.randrange(256), data[at] ^ 1 << rng.randrange(8), 0, 0x7F, 0xFF))
        elif kind == 1:
            del data[at : at + rng.randint(1, 4)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        else:
            data[at:at] = data[at : at + rng.randint(1, 20)]
    return bytes(data)


def refused_or_the_same(record: bytes) -> bool:
    """Whether it was read, which it is where the package reads it, as the package does. Fails for anything else."""
    try:
        event = decode(record)
    except ValueError:
        with pytest.raises(DecodeError):
            event_pb2.Event.FromString(record)
        return False
    assert same(event, event_record._any(record))
    try:
        other = theirs(record)
    except DecodeError:
        # Damage in a message that is passed over.
        return True
    assert [value._replace(number=None) for value in event.values] == [
        value._replace(number=None) for value in other.values
    ]
    for mine, yours in zip(event.values, other.values, strict=True):
        # A number out of the range of its type is an error there, after decoding.
        assert yours.number is None or repr(mine.number) == repr(yours.number)
    return repr(event[:2]) == repr(other[:2])


@given(records, st.integers())
def test_spoilt_records_are_refused_or_read_as_the_package_does(record: bytes, seed: int) -> None:
    refused_or_the_same(spoilt(random.Random(seed), record))


@given(st.binary(max_size=64))
def test_any_bytes_are_refused_or_read_as_the_package_does(record: bytes) -> None:
    refused_or_the_same(record)


@pytest.mark.large
@pytest.mark.parametrize("seed", range(20))
def test_recorded_records_spoilt(seed: int) -> None:
    rng = random.Random(seed)
    file = tensorboard._EventFile(RECORDED[seed % len(RECORDED)])
    of_file = list(file.records())
    read = [refused_or_the_same(spoilt(rng, rng.choice(of_file))) for _ in range(1000)]
    assert 100 < sum(read) < 900


def test_every_cut_of_a_usual_record() -> None:
    value = Summary.Value(tag="train/loss", simple_value=0.5)
    record = event_pb2.Event(wall_time=1.0, step=300, summary=Summary(value=[value])).SerializeToString()
    assert decode(record) == Event(1.0, 300, [Value("train/loss", 0.5, None)])
    assert [length for length in range(len(record)) if refused_or_the_same(record[:length])] == [0, 9, 12]


@pytest.mark.parametrize(
    ("record", "step"),
    [
        (b"", 0),
        (b"\x10\x85\x80\x00", 5),  # a number with more bytes than it needs
        (b"\x10\x05\x10\x06", 6),  # the last one counts
        (b"\x10" + b"\xff" * 9 + b"\x01", -1),
        (b"\x15abcd\x10\x05", 5),  # step as a 32-bit number is unknown, as is field 100 in any form
        (b"\xa0\x06\x07\xa1\x0612345678\xa2\x06\x01a\xa5\x061234\x10\x05", 5),
        (b"\xa3\x06\x10\x07\xab\x06\xac\x06\xa4\x06\x10\x05", 5),  # a group with a step and a group in it
    ],
)
def test_unknown_fields_and_odd_numbers(record: bytes, step: int) -> None:
    assert same(decode(record), theirs(record))
    assert decode(record).step == step


@pytest.mark.parametrize(
    "record",
    [
        b"\x10",
        b"\x10\x80",
        b"\x10" + b"\xff" * 10 + b"\x01",
        b"\x09\x00",
        b"\x2a\x05",
        b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x00\x01",
        b"\x0e",  # a wire type that there is not
        b"\x0f",
        b"\xa3\x06\x10\x05",  # a group that does not end
        b"\xa4\x06",
        b"\xa3\x06" * 200 + b"\xa4\x06" * 200,
        field(5, field(1, field(1, b"\xff\xfe"))),  # a tag that is no text
        field(5, field(1, b"\x0a")),
        field(5, field(1, field(8, b"\x08"))),
        field(5, field(1, field(8, b"\x08\x01" + field(5, b"123")))),  # packed floats, cut
    ],
)
def test_damage_is_a_value_error(record: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(record)
    with pytest.raises(DecodeError):
        event_pb2.Event.FromString(record)


def test_a_long_record_takes_time_by_its_length() -> None:
    """Nothing is looked through twice for each part: 200,000 empty groups, fields or values."""
    for part in (b"\xa3\x06\xa4\x06", b"\x10\x05", field(5, field(1, b""))):
        assert decode(part * 200_000).step in (0, 5)


@pytest.mark.parametrize("name", NUMPY_TYPES)
def test_the_ends_of_each_type(name: str) -> None:
    dtype = np.dtype(name)
    if dtype.kind == "b":
        ends: list[Any] = [False, True]
    else:
        info = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
        ends = [info.min, 0, 1, info.max, *([np.nan, np.inf] if dtype.kind == "f" else [])]
    for end in ends:
        array = np.array(end, dtype)
        made = make_tensor_proto(array)
        as_bytes = TensorProto(
            dtype=made.dtype, tensor_shape=made.tensor_shape, tensor_content=array.tobytes()
        )
        for tensor in (made, as_bytes):
            assert repr(of_tensor(tensor)) == repr(float(array)) == repr(their_number(tensor))


def of_tensor(tensor: Any) -> float | None:
    event = event_pb2.Event(summary=Summary(value=[Summary.Value(tag="t", tensor=tensor)]))
    (value,) = decode(event.SerializeToString()).values
    return value.number


@pytest.mark.parametrize("sizes", [[1, 1], [1, 2], [2, 1], [1, 0], [0, 1]])
def test_a_size_said_twice_is_the_last_one(sizes: list[int]) -> None:
    dimension = b"".join(TensorShapeProto.Dim(size=size).SerializeToString() for size in sizes if size)
    dimension += b"\x08\x00" if sizes[-1] == 0 else b""
    shape = TensorShapeProto.FromString(field(2, dimension))
    message = field(2, field(2, dimension)) + TensorProto(dtype=1, float_val=[1.5]).SerializeToString()
    record = field(5, field(1, field(8, message)))
    assert decode(record).values[0].number == (1.5 if shape.dim[0].size == 1 else None)


def test_unsigned_numbers() -> None:
    """Of which the package reads and writes no array."""
    for dtype, name, code, number in ((22, "uint32_val", "<I", 7), (23, "uint64_val", "<Q", 2**63)):
        for tensor in (
            TensorProto(dtype=dtype, **{name: [number]}),
            TensorProto(dtype=dtype, tensor_content=struct.pack(code, number)),
        ):
            assert of_tensor(tensor) == float(number)
