"""Traces that were damaged anywhere are read as far as they can be, or refused in two lines; nothing else is raised."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.foreign.opening import read_path
from runner.foreign.trace import TraceError
from tests.foreign.samples import GROWING, RIGHT, SAMPLES

ODD = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\n",
    b"\r",
    b"nan",
    b"1e999",
    b"-",
    b'"',
    b"{",
    b"}",
    b"[" * 200,
    b"9" * 400,
    b"|",
    b",",
]
damages = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.sampled_from(ODD)),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", GROWING)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=damages)
def test_damage(tmp_path: Path, name: str, damages: list[tuple[float, int, bytes]]) -> None:
    data = (SAMPLES / name).read_bytes()[:20_000]
    for place, cut, odd in damages:
        at = int(place * len(data))
        data = data[:at] + odd + data[at + cut :]
    path = tmp_path / name
    path.write_bytes(data)
    try:
        history = read_path(path, RIGHT[name].names)[1]
    except TraceError as error:
        assert len(str(error).splitlines()) == 2
        return
    steps = history.curves().train.step
    assert all(math.isfinite(step) for step in steps)
    assert list(steps) == sorted(set(steps))
