"""Following a run in text, with a progress bar on a terminal."""

from __future__ import annotations

import os
import sys
import time

from runner.insight import answers
from runner.insight.diagnosis import Severity, VerdictKind
from runner.insight.figures import loss
from runner.insight.standing import course
from runner.insight.task import main_curve
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tui.cli import out
from tui.models.run_view import RunView, age
from tui.services.run_reader import RunDirectoryReader, RunReader, RunSource
from tui.services.trace_reader import TraceReader

POLL_SECONDS = 0.2
LINE_SECONDS = 10.0
# No verdicts yet, or none that can come.
UNDECIDED = (VerdictKind.TOO_EARLY, VerdictKind.NO_EVALUATION)
EXIT_CODES = {Phase.FINISHED: 0, Phase.STOPPED: 3}


def follow_trace(target: RunSource) -> int:
    """The same for a run that was started elsewhere. Raises TraceError."""
    path = target.path
    assert path is not None
    follower = target.follower()
    assert isinstance(follower, TraceReader)
    out.echo(f"run {follower.path}")
    if follower.others:
        out.echo(f"not shown, in the same place: {', '.join(follower.others)}")
    try:
        return _follow(follower, RunView(id=str(path), path=str(path)), "")
    finally:
        follower.close()


def follow(run: RunDirectory) -> int:
    """Print a run's progress until it ends; returns the exit code. Ctrl-C leaves it running and returns 0."""
    out.echo(f"run {run.id}")
    out.echo(f"in  {run.path}")
    find = f" Find it with `ftui watch {run.id}`, stop it with `ftui stop {run.id}`."
    return _follow(RunDirectoryReader(run), RunView(id=run.id), find)


def _follow(follower: RunReader, view: RunView, find: str) -> int:
    on_terminal = sys.stdout.isatty()
    try:
        with _Progress() as progress:
            while not view.phase.is_over:
                if on_terminal and not sys.stdout.isatty():
                    # Gone, and under nohup no signal says so: there is no reader.
                    os._exit(0)
                view = follower.poll() or view
                progress.show(view)
                if not view.phase.is_over:
                    time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        out.echo()
        out.echo(f"The run goes on.{find}")
        return 0
    # Between the last poll and the end of the supervisor there may be one more event.
    _print_end(follower.poll() or view)
    return EXIT_CODES.get(view.phase, 1)


def _print_end(view: RunView) -> None:
    out.echo("")
    out.echo(f"{view.phase.value}{f': {view.reason}' if view.reason else ''}")
    for words in (view.hint, view.way_on):
        if words:
            out.echo(f"  {words}")
    if len(view.curves.train):
        out.echo(f"verdict: {view.verdict.headline}")
        out.echo(f"  {view.verdict.sentence}")
        for action in view.verdict.actions:
            out.echo(f"  → {action.text}")
    if view.saved:
        out.echo(f"saved: {view.path}/{view.saved}")
    out.echo(f"run: {view.path}")


class _Progress:
    """A progress bar on a terminal, plain lines elsewhere: one for each phase and evaluation, and one each ten
    seconds."""

    def __init__(self) -> None:
        self._last_line = 0.0
        self._phase: Phase | None = None
        self._evals = 0
        self._verdict: tuple[VerdictKind, Severity] | None = None
        self._bar = None
        if sys.stdout.isatty():
            from rich.progress import BarColumn, Progress, TextColumn

            from tui.cli.rich_out import PlainConsole

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:3.0f} %  {task.fields[numbers]}", markup=False),
                console=PlainConsole(),
            )
            self._task = self._bar.add_task("starting", total=None, numbers="")

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, view: RunView) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=view.phase.value,
                total=view.total_steps,
                completed=view.step,
                numbers=out.shown(numbers(view)),
            )
        else:
            self._print(view)
        self._print_verdict(view)

    def _print_verdict(self, view: RunView) -> None:
        """A line when there is a verdict for the first time, and whenever it is another one."""
        verdict = view.verdict
        now = None if verdict.kind in UNDECIDED else (verdict.kind, verdict.severity)
        if now is not None and now != self._verdict:
            line = f"step {view.step}: {verdict.headline}. {verdict.sentence}"
            out.echo(line) if self._bar is None else self._bar.console.print(out.shown(line))
        self._verdict = now or self._verdict

    def _print(self, view: RunView) -> None:
        evals = len(view.curves.val)
        news = (view.step == 0 and view.phase is not self._phase) or evals != self._evals
        if news or time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line, self._phase, self._evals = time.monotonic(), view.phase, evals
            step = f"step {view.step}/{view.total_steps}" if view.total_steps else view.phase.value
            out.echo("  ".join(part for part in (step, numbers(view)) if part))


def numbers(view: RunView) -> str:
    """The figures of a run in one line: 'loss 1.214  eval 1.402 (best 1.311 @300)  12 min left'."""
    parts = []
    if len(view.curves.train):
        parts.append(f"loss {loss(view.curves.train.loss[-1])}")
    judged_by = main_curve(view.curves)
    if judged_by is not None and (words := course(view.curves.metrics[judged_by])):
        parts.append(f"{judged_by} {words}")
    elif view.curves.val:
        best = view.curves.best
        told = f" (best {loss(best.loss)} @{best.step})" if best is not None else ""
        parts.append(f"held-out {loss(view.curves.val[-1].loss)}{told}")
    if answered := answers.short(view.curves.last_answers):
        parts.append(f"answers {answered}")
    if view.eta_seconds is not None:
        parts.append(f"{age(view.eta_seconds)} left")
    return "  ".join(parts)
