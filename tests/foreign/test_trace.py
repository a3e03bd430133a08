"""Which trace is opened, what is said when there is none, and what telling anew means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.foreign.logbook import Logbook
from runner.foreign.opening import LOOKED_FOR, open_trace
from runner.foreign.trace import TraceError, read_trace
from runner.store.history import History
from tests.foreign import test_llama_factory
from tests.foreign.conftest import ROOT
from tests.foreign.test_tensorboard import Writer
from tests.foreign.test_tensorboard import step as tb_step
from tests.foreign.test_trainer_state import entries, save


def test_the_trace_that_tells_most_is_opened(tmp_path: Path) -> None:
    found = []
    (tmp_path / "train.log").write_text("{'loss': 1.0, 'epoch': 0.1}\n")
    found.append(open_trace(tmp_path).kind)
    save(tmp_path, entries(5), 5)
    found.append(open_trace(tmp_path).kind)
    writer = Writer(tmp_path / "runs" / "Nov24")
    tb_step(writer, 1)
    writer.writer.close()
    found.append(open_trace(tmp_path).kind)
    (tmp_path / "trainer_log.jsonl").write_text(test_llama_factory.line(1, loss=1.0))
    found.append(open_trace(tmp_path).kind)
    assert found == ["console log", "Trainer state", "TensorBoard", "LLaMA-Factory log"]


@pytest.mark.parametrize("make", ["nothing", "empty directory", "empty file", "picture", "text", "json"])
def test_what_is_no_run(tmp_path: Path, make: str) -> None:
    path = tmp_path / "there"
    if make == "empty directory":
        path.mkdir()
    elif make != "nothing":
        data = {"empty file": b"", "picture": b"\x89PNG\0\0", "text": b"hello {'lo", "json": b'{"a": 1}\n'}[
            make
        ]
        path.write_bytes(data)
    with pytest.raises(TraceError) as caught:
        open_trace(path, follow=False)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert str(path) in lines[0]
    if make == "empty file":
        assert "yet" in lines[0]
    elif make != "nothing":
        assert f"Looked for {LOOKED_FOR}" in lines[1]


def test_what_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, pattern: str) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "glob", refuse)
    with pytest.raises(TraceError, match="Permission denied"):
        open_trace(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0garbage\n" * 50, b"{", b"[]", b"{}\n" * 3])
@pytest.mark.parametrize(
    "name",
    ["trainer_log.jsonl", "events.out.tfevents.1.host", "checkpoint-5/trainer_state.json"],
)
def test_a_spoilt_file_is_an_empty_run(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    trace = open_trace(tmp_path)
    history = read_trace(trace)
    assert history.step == 0
    assert history.bad_events == 0
    path.unlink()
    assert read_trace(trace).step == 0


def test_a_second_set_takes_the_name_back() -> None:
    """Two sets are evaluated one after the other; after the first it looks like the only one."""
    book = Logbook("run")
    book.add(1, {"loss": 1.0})
    book.add(1, {"eval_a_loss": 2.0, "eval_a_runtime": 1.0})
    sets = [event["set"] for event in book.take() if isinstance(event, dict) and event["type"] == "eval"]
    assert sets == ["val"]
    book.add(1, {"eval_b_loss": 3.0, "eval_b_runtime": 1.0})
    again = book.take()
    assert book.restarts == 1
    history = History()
    for event in again:
        history.fold(event)
    assert {name: points[0].loss for name, points in history.evals.items()} == {"a": 2.0, "b": 3.0}
    assert list(history.train.loss) == [1.0]
    assert book.take() == []


logs = st.tuples(
    st.integers(0, 12),
    st.dictionaries(
        st.sampled_from(
            ["loss", "epoch", "eval_loss", "eval_a_loss", "eval_b_loss", "num_tokens", "train_runtime"]
        ),
        st.floats() | st.sampled_from(["0.5", "nan", "x", None, True, [1]]),
    ),
)


@given(st.lists(logs, max_size=30), st.lists(st.booleans(), min_size=30, max_size=30))
def test_any_logs_make_events_that_fold_the_same_in_any_pieces(
    written: list[tuple[int, dict[str, object]]], polls: list[bool]
) -> None:
    whole, parts, history, restarts = Logbook("run"), Logbook("run"), History(), 0
    for book in (whole, parts):
        book.facts.set_total(8)
    for (step, values), is_polled in zip([*written, (0, {})], [*polls[: len(written)], True], strict=True):
        whole.add(step, values)
        parts.add(step, values)
        if is_polled:
            events = parts.take()
            history = History() if parts.restarts != restarts else history
            restarts = parts.restarts
            for event in events:
                history.fold(event)
    truth = History()
    for event in whole.take():
        truth.fold(event)
    assert whole.restarts == 0
    assert history.bad_events == truth.bad_events == 0
    assert list(history.train.step) == list(truth.train.step)


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "import tui.cli.diagnose\n"
        "from runner.foreign import trace, console, trainer_state, llama_factory, wandb, tensorboard\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'torch', 'transformers', 'tensorboard', 'tensorflow', 'google', 'wandb', 'textual'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_events_needs_no_package(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    tb_step(writer, 1)
    writer.writer.close()
    code = (
        "import sys; from pathlib import Path; from runner.foreign.opening import read_path\n"
        f"assert read_path(Path({str(tmp_path)!r}))[1].step == 1\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'torch', 'tensorboard', 'tensorflow', 'google'}))"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
