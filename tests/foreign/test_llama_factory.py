"""trainer_log.jsonl by LLaMA-Factory's documented fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.foreign.opening import open_trace
from runner.store.history import History
from tests.foreign.conftest import curves_of


def line(step: int, total: int = 6, **values: Any) -> str:
    head = {"current_steps": step, "total_steps": total}
    tail = {
        "percentage": round(100 * step / total, 2),
        "elapsed_time": "0:00:00",
        "remaining_time": "0:00:00",
    }
    return json.dumps({**head, **values, "epoch": step / 3, **tail}) + "\n"


def test_it_grows_while_it_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(line(1, loss=5.9, lr=1e-4, throughput=5012.69, total_tokens=500))
    trace, history = open_trace(tmp_path), History()
    parts = [
        line(2, loss=5.5, lr=9e-5, total_tokens=900),
        line(2, eval_loss=5.7),
        line(3, loss=5.0, lr=8e-5, total_tokens=1500)[:20],
        line(3, loss=5.0, lr=8e-5, total_tokens=1500)[20:],
        line(6, loss=4.0, lr=0.0, total_tokens=3000) + line(6, eval_loss=4.4),
        line(6),
    ]
    seen = []
    for part in ["", *parts]:
        with path.open("a") as stream:
            stream.write(part)
        for event in trace.poll():
            history.fold(event)
        seen.append((history.step, history.phase.is_over))
    assert seen == [(1, False), (2, False), (2, False), (2, False), (3, False), (6, False), (6, True)]
    assert list(history.train.tokens) == [500, 400, 600, 500]
    assert [(point.step, point.loss) for point in history.evals["val"]] == [(2, 5.7), (6, 4.4)]
    assert (history.plan["total_steps"], history.plan["steps_per_epoch"]) == (6, 3)
    assert (trace.restarts, trace.bad_lines, history.resumed_at) == (0, 0, [])


def test_an_evaluation_after_the_end_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "trainer_log.jsonl").write_text(line(6, loss=1.0) + line(6) + line(6, eval_loss=0.9))
    curves = curves_of(open_trace(tmp_path))
    assert curves.is_over
    assert curves.val[-1].loss == 0.9


def test_garbage_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_bytes(
        b'\xff\n[]\n{"loss": 1}\n{"current_steps": "x"}\n' + line(1, loss=1.0).encode() + b'{"cu'
    )
    trace = open_trace(path)
    assert curves_of(trace).step == 1
    assert trace.bad_lines == 4


def test_a_resume_is_appended_and_a_new_run_replaces(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text("".join(line(step, loss=1.0) for step in (1, 2, 3, 4)))
    trace = open_trace(path)
    assert curves_of(trace).step == 4
    with path.open("a") as stream:
        stream.write(line(3, loss=7.0))
    events = trace.poll()
    assert trace.restarts == 0
    assert [event[0][0] for event in events if not isinstance(event, dict)] == [3]
    path.write_text(line(1, loss=9.0, total=60))
    history = History()
    for event in trace.poll():
        history.fold(event)
    assert trace.restarts == 1
    assert (list(history.train.loss), history.plan["total_steps"]) == ([9.0], 60)


def test_going_on_after_the_end_is_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(line(3, loss=2.0) + line(6, loss=1.0) + line(6))
    trace, history = open_trace(path), History()
    for event in trace.poll():
        history.fold(event)
    assert history.end
    with path.open("a") as stream:
        stream.write(line(7, loss=0.9, total=12))
    for event in trace.poll():
        history.fold(event)
    assert not history.phase.is_over
    assert (history.end, history.plan["total_steps"], history.resumed_at) == ({}, 12, [6])


def test_a_log_of_another_name_is_known_by_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "copied.jsonl"
    path.write_text(line(1, loss=1.0))
    assert open_trace(path).kind == "LLaMA-Factory log"
