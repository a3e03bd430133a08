"""TensorBoard events, written by TensorBoard's own writer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from runner.foreign import tensorboard
from runner.foreign.opening import open_trace
from runner.foreign.trace import read_trace
from runner.store.history import History
from tests.foreign.conftest import curves_of

ARGUMENTS = {
    "max_steps": -1,
    "num_train_epochs": 2.0,
    "learning_rate": 2e-4,
    "lr_scheduler_type": "SchedulerType.COSINE",
    "warmup_steps": 0.1,
    "eval_steps": 0.25,
    "logging_nan_inf_filter": False,
    "gradient_accumulation_steps": 4,
}


class Writer:
    """Writes events as the Trainer's callback does: a value after the other, then a flush."""

    def __init__(self, folder: Path) -> None:
        self.writer = EventFileWriter(str(folder))
        (self.path,) = folder.iterdir()

    def log(self, step: int, **values: float) -> None:
        for key, value in values.items():
            tag = "eval/" + key[5:] if key.startswith("eval_") else "train/" + key
            self.add(step, Summary.Value(tag=tag, simple_value=value))
        self.writer.flush()

    def text(self, tag: str, text: str) -> None:
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(dtype=7, string_val=[text.encode()])
        self.add(0, Summary.Value(tag=tag + "/text_summary", metadata=metadata, tensor=tensor))
        self.writer.flush()

    def add(self, step: int, value: Any) -> None:
        self.writer.add_event(Event(wall_time=1000.0 + step, step=step, summary=Summary(value=[value])))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "out" / "runs" / "Nov24_host")
    yield made
    made.writer.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def step(writer: Writer, number: int, **more: float) -> None:
    writer.log(number, loss=1 / number, grad_norm=0.5, learning_rate=1e-4, epoch=number / 10, **more)


def test_it_grows_while_it_is_followed(out: Path, writer: Writer) -> None:
    writer.text("args", json.dumps(ARGUMENTS))
    trace, history = open_trace(out), History()
    for number in range(1, 6):
        step(writer, number)
        if number == 4:
            writer.log(4, eval_loss=2.0, eval_runtime=2.0, eval_samples_per_second=16.0, epoch=0.4)
        for event in trace.poll():
            history.fold(event)
        assert history.step == number
    assert (trace.restarts, history.resumed_at, trace.bad_lines) == (0, [], 0)
    assert [(p.step, p.loss, p.n) for p in history.evals["val"]] == [(4, 2.0, 32)]
    assert list(history.train.time) == [1001, 1002, 1003, 1004, 1005]
    assert trace.name == "out"
    assert trace.poll() == trace.poll() == []


def test_arguments_make_the_plan(out: Path, writer: Writer) -> None:
    writer.text("args", json.dumps(ARGUMENTS))
    writer.text("model_config", '{"max_steps": 7}')
    step(writer, 10)
    history = read_trace(open_trace(out))
    plan = history.plan
    assert (plan["total_steps"], plan["steps_per_epoch"], plan["warmup_steps"]) == (20, 10, 2)
    assert (plan["eval_steps"], plan["gradient_accumulation_steps"], plan["nan_hidden"]) == (5, 4, False)
    schedule = history.curves().schedule
    assert schedule is not None
    assert (schedule.kind, schedule.peak) == ("cosine", 2e-4)
    assert not history.phase.is_over
    step(writer, 20)
    writer.log(20, train_runtime=3.0)
    assert read_trace(open_trace(out)).phase.is_over


def test_a_step_whose_values_are_not_all_there_waits(out: Path, writer: Writer) -> None:
    step(writer, 1)
    trace, history = open_trace(out), History()
    for event in [*trace.poll(), *trace.poll()]:
        history.fold(event)
    writer.log(2, loss=0.5)
    assert trace.poll() == []
    writer.log(2, grad_norm=7.0, learning_rate=1e-4, epoch=0.2)
    for event in trace.poll():
        history.fold(event)
    assert list(history.train.grad_norm) == [0.5, 7.0]
    assert history.resumed_at == []
    # Nothing more comes: then it is all there is.
    writer.log(3, loss=0.4)
    assert trace.poll() == []
    for event in trace.poll():
        history.fold(event)
    assert history.step == 3


def test_a_torn_tail_is_not_yet(out: Path, writer: Writer) -> None:
    for number in (1, 2, 3):
        step(writer, number)
    whole = writer.path.read_bytes()
    growing = out.parent / "events.out.tfevents.1.host"
    for cut in range(0, len(whole), 7):
        growing.write_bytes(whole[:cut])
        trace = open_trace(growing)
        events = trace.poll()
        with growing.open("ab") as stream:
            stream.write(whole[cut:])
        events += trace.poll() + trace.poll()
        history = History()
        for event in events:
            history.fold(event)
        assert (list(history.train.step), trace.bad_lines) == ([1, 2, 3], 0), cut


def test_damage_is_counted_and_ends_the_file(out: Path, writer: Writer) -> None:
    step(writer, 1)
    with writer.path.open("ab") as stream:
        stream.write(b"\xff" * 64)
    trace = open_trace(out)
    assert curves_of(trace).step == 1
    assert trace.bad_lines == 1


def test_a_damaged_record_costs_only_itself(out: Path, writer: Writer) -> None:
    step(writer, 1)
    with writer.path.open("ab") as stream:
        stream.write((3).to_bytes(8, "little") + b"crc." + b"\xff\xff\xff" + b"crc.")
    step(writer, 2)
    trace = open_trace(out)
    assert list(curves_of(trace).train.step) == [1, 2]
    assert trace.bad_lines == 1


def test_a_resume_continues_in_a_file_of_its_own(out: Path, writer: Writer) -> None:
    for number in (1, 2, 3, 4):
        step(writer, number)
    writer.path.rename(writer.path.with_name("events.out.tfevents.100.host.1.0"))
    second = Writer(out / "runs" / "Nov25_host")
    for number in (3, 4, 5):
        second.log(number, loss=9.0, epoch=number / 10)
    second.writer.close()
    history = read_trace(open_trace(out))
    assert list(history.train.loss) == [1.0, 0.5, 9.0, 9.0, 9.0]
    assert history.resumed_at == [2]


def test_a_run_begun_again_replaces_the_one_before(out: Path, writer: Writer) -> None:
    for number in (1, 2, 3, 4):
        step(writer, number)
    writer.log(4, eval_loss=3.0)
    writer.path.rename(writer.path.with_name("events.out.tfevents.100.host.1.0"))
    trace = open_trace(out)
    assert curves_of(trace).step == 4
    second = Writer(out / "runs" / "Nov25_host")
    second.log(1, loss=9.0, epoch=0.1)
    second.writer.close()
    history, restarts = History(), trace.restarts
    events = trace.poll() + trace.poll()
    assert trace.restarts == restarts + 1
    for event in events:
        history.fold(event)
    assert list(history.train.loss) == [9.0]
    assert history.evals == {}


def test_a_truncated_file_is_read_from_its_start(out: Path, writer: Writer) -> None:
    for number in (1, 2, 3):
        step(writer, number)
    path = out.parent / "events.out.tfevents.1.host"
    whole = writer.path.read_bytes()
    path.write_bytes(whole)
    trace = open_trace(path)
    assert curves_of(trace).step == 3
    path.write_bytes(whole[: len(whole) // 2])
    restarts = trace.restarts
    trace.poll()
    assert trace.restarts == restarts + 1


def test_no_event_files_no_trace(tmp_path: Path) -> None:
    assert tensorboard.find(tmp_path) is None


def test_a_long_file_is_read_in_parts(out: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.text("args", json.dumps(ARGUMENTS | {"long": "x" * 5000}))
    for number in range(1, 60):
        step(writer, number)
    monkeypatch.setattr(tensorboard, "READ_BYTES", 1000)
    trace = open_trace(out)
    trace.poll()
    assert trace.is_busy
    history = read_trace(open_trace(out))
    assert list(history.train.step) == list(range(1, 60))
    assert history.resumed_at == []
    assert history.plan["gradient_accumulation_steps"] == 4


def test_tags_of_torchtune_and_lightning(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    for number in (50, 100, 150):
        for tag, value in (("train_loss", 100 / number), ("lr-AdamW", 1e-4), ("epoch", number // 100)):
            writer.add(number, Summary.Value(tag=tag, simple_value=value))
    writer.add(150, Summary.Value(tag="val_loss", simple_value=0.9))
    writer.add(150, Summary.Value(tag="val_acc", simple_value=0.5))
    writer.writer.close()
    curves = curves_of(open_trace(tmp_path))
    assert list(curves.train.step) == [50, 100, 150]
    assert list(curves.train.loss) == pytest.approx([2.0, 1.0, 2 / 3])
    assert list(curves.train.lr) == pytest.approx([1e-4] * 3)
    assert [(p.step, round(p.loss, 4)) for p in curves.val] == [(150, 0.9)]
    assert list(curves.eval_metrics["val"]["acc"].value) == [0.5]
    assert (curves.steps_per_epoch, curves.nan_hidden) == (None, False)
