"""A real run tells people what happens to it, once, and is never held up by that."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.store.directory import read_json
from runner.store.history import read_history
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import (
    configured,
    end,
    listening,
    overfitting,
    scripted_lines,
    step,
)
from tests.run.test_supervise import over

pytestmark = pytest.mark.usefixtures("no_pause")


def test_a_real_run_tells_a_finding_once_and_its_end_once(scripted: Scripted, home: Path) -> None:
    with listening() as hook:
        configured(home, hook)
        run = scripted(
            *scripted_lines(*overfitting(9)),
            "sleep 2.5",
            *scripted_lines(*overfitting()[len(overfitting(9)) :]),
            "sleep 1.5",
            *scripted_lines(*end("finished", "all steps done")),
        )
        assert over(run)["phase"] == "finished"
        told = [(body["occasion"], body["finding"]) for body in hook.bodies]
    assert told == [("warning", "overfitting"), ("finished", "")]
    assert hook.bodies[1]["text"] == "all steps done"
    assert hook.bodies[1]["title"] == f"{run.id} finished"
    assert read_history(run).warnings == []


def test_only_wanted_occasions_of_a_real_run(scripted: Scripted, home: Path) -> None:
    with listening() as hook:
        configured(home, hook, "  on: [failed]\n")
        over(scripted(*scripted_lines(*overfitting()), "kill 9"))
        assert [body["occasion"] for body in hook.bodies] == ["failed"]
        assert "SIGKILL" in hook.bodies[0]["text"]


def test_a_dead_webhook_and_command_are_warnings_of_a_run_that_goes_on(
    scripted: Scripted, home: Path
) -> None:
    home.mkdir()
    (home / "config.yaml").write_text(
        "alerts:\n  webhook: http://127.0.0.1:9/\n  command: [/nowhere/notify]\n"
    )
    run = scripted(*scripted_lines(*overfitting()), "sleep 2.5", *scripted_lines(step(91), *end("finished")))
    assert over(run)["phase"] == "finished"
    history = read_history(run)
    assert history.step == 91
    assert {warning["id"] for warning in history.warnings} == {"alert"}
    messages = " ".join(str(warning["message"]) for warning in history.warnings)
    assert "did not reach its webhook" in messages
    assert "did not reach its command" in messages


def test_a_webhook_that_never_answers_does_not_keep_the_end_back(scripted: Scripted, home: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        home.mkdir()
        (home / "config.yaml").write_text(
            f"alerts:\n  webhook: http://127.0.0.1:{silent.getsockname()[1]}/\n"
        )
        before = time.monotonic()
        run = scripted(*scripted_lines(*overfitting(), *end("finished")))
        wait_for(lambda: read_json(run.state).get("phase") == "finished" and run.report.exists(), 9)
        assert time.monotonic() - before < 9
        over(run)
    assert "timed out" in str(read_history(run).warnings[-1]["message"])
