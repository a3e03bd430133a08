"""One record of a TensorBoard event file: a protobuf message `Event`, of which only what is read here is decoded.

Field numbers: event.proto, summary.proto, tensor.proto, tensor_shape.proto and types.proto of TensorBoard 2.21
(tensorboard/compat/proto). Wire format: https://protobuf.dev/programming-guides/encoding/. What the package decodes is
decoded to the same values; of the messages that are passed over (graphs, histograms, images) not even damage is seen.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

# What stands before each field: its number, shifted by three bits, and its wire type.
VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
Field: TypeAlias = tuple[int, int | bytes]
MOST_VARINT_BYTES = 10
# Groups, which no writer of today uses, may hold groups; protobuf's own decoders stop at this depth.
MOST_GROUPS = 100
MASK64: Final = (1 << 64) - 1


def _key(wire_type: int, number: int) -> int:
    return number << 3 | wire_type


# Event
WALL_TIME = _key(FIXED64, 1)
STEP = _key(VARINT, 2)
SUMMARY = _key(BYTES, 5)
# The others of its oneof `what`: file_version, graph_def, log_message, session_log and two more kinds of graphs.
NOT_A_SUMMARY = frozenset(_key(BYTES, number) for number in (3, 4, 6, 7, 8, 9))
# Summary
VALUE = _key(BYTES, 1)
# Summary.Value
TAG = _key(BYTES, 1)
SIMPLE_VALUE = _key(FIXED32, 2)
TENSOR = _key(BYTES, 8)
# The others of its oneof `value`: obsolete_old_style_histogram, image, histo, audio.
NOT_A_NUMBER = frozenset(_key(BYTES, number) for number in (3, 4, 5, 6))
# TensorProto
DTYPE = _key(VARINT, 1)
SHAPE = _key(BYTES, 2)
CONTENT = _key(BYTES, 4)
STRING_VAL = _key(BYTES, 8)
# TensorShapeProto and its Dim
DIM = _key(BYTES, 2)
SIZE = _key(VARINT, 1)


class _Type(NamedTuple):
    """A type of numbers: where a tensor keeps them, and how they lie in its content."""

    field: int
    wire_type: int
    layout: str


# By DataType: float, double, int32, uint8, int16, int8, int64, bool, uint16, half, uint32, uint64.
TYPES = {
    1: _Type(5, FIXED32, "<f"),
    2: _Type(6, FIXED64, "<d"),
    3: _Type(7, VARINT, "<i"),
    4: _Type(7, VARINT, "<B"),
    5: _Type(7, VARINT, "<h"),
    6: _Type(7, VARINT, "<b"),
    9: _Type(10, VARINT, "<q"),
    10: _Type(11, VARINT, "<?"),
    17: _Type(7, VARINT, "<H"),
    19: _Type(13, VARINT, "<e"),
    22: _Type(16, VARINT, "<I"),
    23: _Type(17, VARINT, "<Q"),
}
DOUBLE, FLOAT = struct.Struct("<d"), struct.Struct("<f")
# Of an event of one number: its summary with an empty tag, and all of it.
SUMMARY_BYTES = 11
LEAST_USUAL_BYTES = 9 + 2 + SUMMARY_BYTES


class Value(NamedTuple):
    """A value of a summary: a number (also one in a tensor), the first text of a tensor, or neither."""

    tag: str
    number: float | None
    text: bytes | None


class Event(NamedTuple):
    """What was written at a step, when (seconds since the epoch)."""

    wall_time: float
    step: int
    values: list[Value]


def decode(record: bytes) -> Event:
    """The event in a record. Raises ValueError for a damaged one."""
    return _usual(record) or _any(record)


def _usual(record: bytes) -> Event | None:
    """An event of one plain number with nothing else in it, as nearly all are: time, step, tag, number, in this order.

    Taken apart in one go, which is three times as fast as field by field and keeps up with the package's C.
    """
    if len(record) < LEAST_USUAL_BYTES or record[0] != WALL_TIME or record[9] != STEP:
        return None
    step, at = (record[10], 11) if record[10] < 128 else _varint(record, 10)
    rest = len(record) - at
    # The keys and lengths of summary, value and tag; all lengths in one byte.
    keys = (record[at], record[at + 2], record[at + 4]) if SUMMARY_BYTES <= rest < 128 else ()
    if keys != (SUMMARY, VALUE, TAG):
        return None
    end = at + 6 + record[at + 5]
    lengths = record[at + 1], record[at + 3], end
    if lengths != (rest - 2, rest - 4, len(record) - 5) or record[end] != SIMPLE_VALUE:
        return None
    (wall_time,), (number,) = DOUBLE.unpack_from(record, 1), FLOAT.unpack_from(record, end + 1)
    return Event(wall_time, _signed(step), [Value(record[at + 6 : end].decode(), number, None)])


def _any(record: bytes) -> Event:
    wall_time, step = 0.0, 0
    summary: list[bytes] = []
    for key, value in _fields(record):
        if isinstance(value, int):
            step = _signed(value) if key == STEP else step
        elif key == WALL_TIME:
            (wall_time,) = DOUBLE.unpack(value)
        elif key == SUMMARY:
            # A message that comes in parts is all of them, one after the other.
            summary.append(value)
        elif key in NOT_A_SUMMARY:
            summary.clear()
    values = _bytes(_fields(b"".join(summary)), VALUE)
    return Event(wall_time, step, [_value(value) for value in values])


def _value(message: bytes) -> Value:
    tag, number = "", None
    tensor: list[bytes] = []
    for key, value in _fields(message):
        if isinstance(value, int):
            continue
        if key == TAG:
            tag = value.decode()
        elif key == TENSOR:
            number = None
            tensor.append(value)
        elif key == SIMPLE_VALUE or key in NOT_A_NUMBER:
            number = FLOAT.unpack(value)[0] if key == SIMPLE_VALUE else None
            tensor.clear()
    return Value(tag, *_tensor(b"".join(tensor))) if tensor else Value(tag, number, None)


def _tensor(message: bytes) -> tuple[float | None, bytes | None]:
    """The number of a tensor of one number; the first text of one of texts."""
    fields = list(_fields(message))
    texts = _bytes(fields, STRING_VAL)
    dtypes = _ints(fields, DTYPE)
    kind = TYPES.get(dtypes[-1]) if dtypes else None
    number = None
    if kind is not None and _is_one(b"".join(_bytes(fields, SHAPE))):
        content = b"".join(_bytes(fields, CONTENT)[-1:])
        numbers = [] if content else list(_numbers(fields, kind))
        if len(content) == struct.calcsize(kind.layout):
            number = _number(content, kind)
        elif len(numbers) == 1:
            number = numbers[0]
    return number, texts[0] if texts else None


def _is_one(shape: bytes) -> bool:
    """Whether a tensor of this shape has one element: no dimensions, or all of size one."""
    return all(_ints(_fields(one), SIZE)[-1:] == [1] for one in _bytes(_fields(shape), DIM))


def _numbers(fields: list[Field], kind: _Type) -> Iterator[float]:
    """The repeated field of a type, one by one or packed into one field."""
    single, packed = _key(kind.wire_type, kind.field), _key(BYTES, kind.field)
    for key, value in fields:
        if key == single:
            yield _number(value, kind)
        elif key == packed and isinstance(value, bytes):
            at = 0
            while at < len(value):
                one, at = _read(value, at, kind.wire_type)
                yield _number(one, kind)


def _number(value: int | bytes, kind: _Type) -> float:
    if isinstance(value, int):
        # Negative ones are written as 64 bits; of narrower types the lowest count.
        value = int(bool(value)) if kind.layout == "<?" else value
        value = value.to_bytes(8, "little")[: struct.calcsize(kind.layout)]
    return float(struct.unpack(kind.layout, value)[0])


def _bytes(fields: Iterable[Field], key: int) -> list[bytes]:
    return [value for one, value in fields if one == key and isinstance(value, bytes)]


def _ints(fields: Iterable[Field], key: int) -> list[int]:
    return [value for one, value in fields if one == key and isinstance(value, int)]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a message in their order, each with its key; groups are passed over."""
    at, end, groups = 0, len(message), 0
    while at < end:
        key = message[at]
        at += 1
        if key > 127:
            key, at = _varint(message, at - 1)
        wire_type = key & 7
        if key < 8:
            raise ValueError("a field without a number")
        if wire_type == GROUP:
            groups += 1
            if groups > MOST_GROUPS:
                raise ValueError("groups too deep")
        elif wire_type == GROUP_END:
            groups -= 1
            if groups < 0:
                raise ValueError("the end of a group that was not begun")
        else:
            value, at = _read(message, at, wire_type)
            if not groups:
                yield key, value
    if groups:
        raise ValueError("a group that does not end")


def _read(message: bytes, at: int, wire_type: int) -> tuple[int | bytes, int]:
    """The value that begins there, and where it ends."""
    if wire_type == VARINT:
        return _varint(message, at)
    if wire_type == BYTES:
        length, at = _varint(message, at)
    elif wire_type == FIXED32:
        length = 4
    elif wire_type == FIXED64:
        length = 8
    else:
        raise ValueError(f"wire type {wire_type}")
    stop = at + length
    if stop > len(message):
        raise ValueError("a field longer than its message")
    return message[at:stop], stop


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first; 64 bits are kept."""
    value = 0
    for place, byte in enumerate(message[at : at + MOST_VARINT_BYTES]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value & MASK64, at + place + 1
    raise ValueError("a number that does not end")
