"""What is told to people, once and where they want it; what cannot be told is a warning of the run."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runner.config import OCCASIONS, AlertSettings
from runner.insight.diagnosis import Finding, Severity, Verdict, VerdictKind
from runner.store.events import Phase
from runner.supervision.alerts import Alert, AlertBook, post, send
from tests.conftest import wait_for
from tests.run.scenes import listening


def finding(id_: str, severity: Severity, name: str = "overfitting") -> Finding:
    return Finding(id_, name, severity, 30, "Held-out loss rose.")


def verdict(*findings: Finding) -> Verdict:
    worst = max((f.severity for f in findings), default=Severity.INFO)
    return Verdict(VerdictKind.OVERFITTING, worst, "Held-out loss rose.", findings=findings)


ALERT = Alert("warning", "a-run", "a-run: overfitting", "Held-out loss rose.", "overfitting", 2, 40)


def delivered(alert: Alert = ALERT, **settings: Any) -> list[str]:
    """Send an alert and wait until that is over; returns what went wrong."""
    failures: list[str] = []
    before = set(threading.enumerate())
    send(alert, AlertSettings(**settings), failures.append)
    for thread in set(threading.enumerate()) - before:
        if thread.name == "alert":
            thread.join(30)
            assert not thread.is_alive()
    return failures


def test_a_finding_is_told_once_and_again_only_when_graver() -> None:
    book = AlertBook("a-run")

    def told(*findings: Finding) -> list[tuple[str, int]]:
        return [(a.finding, a.severity) for a in book.new(verdict(*findings), Phase.TRAINING, "", 40)]

    assert told(finding("held-out-rising", Severity.INFO)) == []
    assert told(finding("overfitting", Severity.WARNING)) == [("overfitting", 2)]
    assert told(finding("overfitting", Severity.WARNING)) == []
    assert told() == []
    assert told(finding("overfitting", Severity.WARNING), finding("memory-short", Severity.WARNING)) == [
        ("memory-short", 2)
    ]
    assert told(finding("overfitting", Severity.CRITICAL)) == [("overfitting", 3)]
    assert told(finding("overfitting", Severity.WARNING)) == []


@pytest.mark.parametrize(
    ("phase", "occasion"),
    [(Phase.FINISHED, "finished"), (Phase.STOPPED, "finished"), (Phase.FAILED, "failed")],
)
def test_an_ending_is_told_once_with_its_reason(phase: Phase, occasion: str) -> None:
    book = AlertBook("a-run")
    assert book.new(verdict(), Phase.TRAINING, "", 40) == []
    (alert,) = book.new(verdict(), phase, "out of memory", 40)
    assert (alert.occasion, alert.title, alert.text) == (occasion, f"a-run {phase.value}", "out of memory")
    assert book.new(verdict(), phase, "out of memory", 40) == []


def test_an_ending_without_a_reason_says_the_verdict() -> None:
    (alert,) = AlertBook("a-run").new(verdict(), Phase.FINISHED, "", 40)
    assert "Held-out loss rose." in alert.text


def test_a_stall_is_an_occasion_of_its_own() -> None:
    (alert,) = AlertBook("a-run").new(
        verdict(finding("stalled", Severity.ERROR, "stalled")), Phase.TRAINING, "", 40
    )
    assert (alert.occasion, alert.severity) == ("stalled", 4)


def test_a_webhook_gets_json_by_post() -> None:
    with listening() as hook:
        assert delivered(webhook=hook.url) == []
        ((method, kind, body),) = hook.taken
    assert (method, kind) == ("POST", "application/json")
    assert body == {
        "occasion": "warning",
        "run": "a-run",
        "title": "a-run: overfitting",
        "text": "Held-out loss rose.",
        "finding": "overfitting",
        "severity": 2,
        "step": 40,
    }


@pytest.mark.parametrize("wanted", OCCASIONS)
def test_only_the_wanted_occasions_are_sent(wanted: str) -> None:
    with listening() as hook:
        for occasion in OCCASIONS:
            assert delivered(Alert(occasion, "a-run", occasion, ""), webhook=hook.url, on=(wanted,)) == []
        assert [body["title"] for body in hook.bodies] == [wanted]


def test_a_command_gets_the_title_last_and_the_alert_on_standard_input(tmp_path: Path) -> None:
    target = tmp_path / "told"
    code = (
        "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[-1] + '\\n' + sys.stdin.read())"
    )
    assert delivered(command=(sys.executable, "-c", code, str(target), "--")) == []
    title, _, body = target.read_text().partition("\n")
    assert title == "a-run: overfitting"
    assert json.loads(body)["finding"] == "overfitting"


def test_a_command_that_reads_nothing_is_no_failure() -> None:
    long = Alert("warning", "a-run", "title", "x" * 1_000_000)
    assert delivered(long, command=(sys.executable, "-c", "pass")) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/notify",), "No such file"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "exit status 3"),
        ((str(Path(__file__)),), "Permission denied"),
        (("a\0b",), "null byte"),
    ],
)
def test_a_failing_command_is_said(command: tuple[str, ...], words: str) -> None:
    (failure,) = delivered(command=command)
    assert "'a-run: overfitting' did not reach its command" in failure
    assert words in failure


def refused() -> str:
    """A URL without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def test_a_dead_webhook_is_said() -> None:
    (failure,) = delivered(webhook=refused())
    assert "did not reach its webhook" in failure
    assert "refused" in failure


def test_an_answer_of_failure_is_said() -> None:
    with listening(500) as hook:
        (failure,) = delivered(webhook=hook.url)
    assert "500" in failure


@pytest.mark.parametrize("url", ["http://a b/", "http://[bad/", "http://127.0.0.1:99999999/", "http://\x7f/"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    assert len(delivered(webhook=url)) == 1


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000]
)
def test_an_answer_that_is_no_http_is_said(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        failures = delivered(webhook=f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
    assert len(failures) == 1


def test_one_way_that_fails_leaves_the_other(tmp_path: Path) -> None:
    with listening() as hook:
        assert len(delivered(webhook=hook.url, command=("/nowhere/notify",))) == 1
        assert len(hook.taken) == 1


def test_sending_does_not_wait() -> None:
    done: list[str] = []
    before = time.monotonic()
    send(
        ALERT,
        AlertSettings(command=(sys.executable, "-c", "input(); import time; time.sleep(1)")),
        done.append,
    )
    assert time.monotonic() - before < 0.5
    wait_for(lambda: not any(t.name == "alert" for t in threading.enumerate()), 20)


def test_a_webhook_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout of a socket is one for every single read; an answer of a byte a second would hold the run for hours."""
    monkeypatch.setattr("runner.supervision.alerts.SECONDS", 1.0)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n")
                while not stop.wait(0.3):
                    try:
                        connection.sendall(b".")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        before = time.monotonic()
        try:
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", ALERT)
        except OSError:
            pass
        took = time.monotonic() - before
        stop.set()
        thread.join()
    assert took < 5
