"""Telling people: what is worth an alert, and sending it to a webhook or a command of theirs."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from runner import plain_text
from runner.insight.diagnosis import Finding, Severity, Verdict
from runner.store.events import Phase

if TYPE_CHECKING:
    # It brings pydantic along, a tenth of a second that the screen does without.
    from runner.config import AlertSettings, Occasion

SECONDS = 10.0
# For all of it; what gives up by itself is let say why.
ALL_SECONDS = SECONDS + 1

ENDINGS: dict[Phase, Occasion] = {
    Phase.FINISHED: "finished",
    Phase.STOPPED: "finished",
    Phase.FAILED: "failed",
    Phase.LOST: "failed",
}


@dataclass(frozen=True)
class Alert:
    """Something a person wants to know of a run, in one line and in a few."""

    occasion: Occasion
    run: str
    title: str
    text: str
    finding: str = ""
    severity: int = 0
    step: int = 0


@dataclass
class AlertBook:
    """What was told already: every finding once, again only when it became graver; every ending once."""

    run: str
    _told: dict[str, int] = field(default_factory=dict)
    _over: bool = False

    def new(self, verdict: Verdict, phase: Phase, reason: str, step: int) -> list[Alert]:
        """The alerts this state of things calls for and that were not given yet."""
        alerts = []
        for finding in verdict.findings:
            if finding.severity < Severity.WARNING or self._told.get(finding.id, 0) >= finding.severity:
                continue
            self._told[finding.id] = finding.severity
            alerts.append(self._of_finding(finding, step))
        was_over, self._over = self._over, phase.is_over
        if phase.is_over and not was_over:
            title = f"{self.run} {phase.value}"
            text = reason or f"{verdict.headline}: {verdict.sentence}"
            alerts.append(Alert(ENDINGS[phase], self.run, title, text, step=step))
        return alerts

    def _of_finding(self, finding: Finding, step: int) -> Alert:
        occasion: Occasion = "stalled" if finding.id == "stalled" else "warning"
        title = f"{self.run}: {finding.name}"
        return Alert(occasion, self.run, title, finding.sentence, finding.id, int(finding.severity), step)


def send(alert: Alert, settings: AlertSettings, failed: Callable[[str], None]) -> Sequence[threading.Thread]:
    """Send an alert where the settings say, each in a thread of its own that keeps no process alive; `failed` is called
    with what went wrong. Returns the threads: they end after eleven seconds at the latest.
    """
    if alert.occasion not in settings.on:
        return ()
    alert = replace(alert, title=plain_text.prose(alert.title), text=plain_text.lines(alert.text))
    ways: list[tuple[str, Callable[[], None]]] = []
    if settings.webhook:
        ways.append(("webhook", lambda: post(settings.webhook, alert)))
    if settings.command:
        ways.append(("command", lambda: start(settings.command, alert)))
    threads = [
        threading.Thread(target=_guarded, args=(name, deliver, alert, failed), name="alert", daemon=True)
        for name, deliver in ways
    ]
    for thread in threads:
        thread.start()
    return threads


def _guarded(name: str, deliver: Callable[[], None], alert: Alert, failed: Callable[[str], None]) -> None:
    try:
        within(ALL_SECONDS, deliver)
    except not_delivered() as error:
        failed(f"The alert {alert.title!r} did not reach its {name}: {_words(error)}")


def _words(error: Exception) -> str:
    """What went wrong. The command is not told: there may be a password in it."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit status {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no end within {error.timeout:g} s"
    return str(error)


def within(seconds: float, work: Callable[[], None]) -> None:
    """Do something that may take long, and leave it alone when it takes longer: looking up a name has no end of its
    own, and a timeout of a socket is for every single byte. Raises TimeoutError, or what the work raised.
    """
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, name="alert's delivery", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no whole answer within {seconds:g} seconds")
    try:
        if errors:
            raise errors[0]
    finally:
        # The error would hold this frame, and through it itself and its socket.
        errors.clear()


def not_delivered() -> tuple[type[Exception], ...]:
    """What goes wrong on the way to a webhook or a command. Imported late: the screen starts without it."""
    from http.client import HTTPException

    return (OSError, ValueError, HTTPException, subprocess.SubprocessError)


def post(url: str, alert: Alert) -> None:
    """POST an alert as JSON. Raises OSError or HTTPException when no server answers with success within ten seconds."""
    import urllib.request

    request = urllib.request.Request(
        url,
        data=json.dumps(asdict(alert)).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "ftui"},
    )
    urllib.request.urlopen(request, timeout=SECONDS).close()


def start(command: tuple[str, ...], alert: Alert) -> None:
    """Run a command with the title as its last argument and the alert as JSON on its standard input. Raises OSError or
    SubprocessError.
    """
    subprocess.run(
        [*command, alert.title],
        input=json.dumps(asdict(alert)).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )
