"""Going on with a run that ended: from its last whole checkpoint, in its own directory."""

from __future__ import annotations

from dataclasses import dataclass

from runner.commands.own import ensure_own
from runner.machine.training_stack import missing_packages
from runner.queue import tickets
from runner.store import launched, life, locks, summary
from runner.store.checkpoints import Checkpoint, checkpoints, examined, newest, newest_unharmed
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError
from runner.store.events import Phase
from runner.store.history import read_history, whole
from runner.store.life import Life, Role
from runner.supervision.start import start_supervisor
from runner.supervision.startable import ensure_startable
from runner.supervision.warm import WarmStart


@dataclass(frozen=True)
class Resumption:
    """Where a run goes on. `checkpoint` is None for a run of the queue that has not started: it waits for its turn
    again. `made` is the last step it had made, `harmed` are later checkpoints whose files are not what was saved.
    """

    checkpoint: Checkpoint | None
    made: int = 0
    harmed: tuple[Checkpoint, ...] = ()

    @property
    def again(self) -> str:
        """'steps 31 to 35 are made again', empty when there are none."""
        at = self.checkpoint
        if at is None or self.made <= at.step:
            return ""
        if self.made == at.step + 1:
            return f"step {self.made} is made again"
        return f"steps {at.step + 1} to {self.made} are made again"

    @property
    def words(self) -> str:
        """What it does, to follow the name of the run."""
        if self.checkpoint is None:
            return "waits for its turn again."
        harmed = "".join(f" {one.path.name} is passed over: {one.wrong}." for one in self.harmed)
        return f"goes on from {self.checkpoint.path.name}{f'; {self.again}' if self.again else ''}.{harmed}"


def resume(
    run: RunDirectory, step: int | None = None, warm: WarmStart | None = None, trusts_code: bool = False
) -> Resumption:
    """Start a supervisor that goes on from a checkpoint, the last whole one or that of a step; with `warm` one that was
    started ahead. Raises RemoteCodeError when the user has to agree first to code that the run lets run, LaunchError
    saying what else is in the way, or OSError.
    """
    to_resume_from(run, step)
    if missing := missing_packages():
        raise LaunchError(f"{', '.join(missing)} not installed here, so nothing can be trained.")
    if not read_json(run.run):
        raise LaunchError(
            f"{run.run} cannot be read: it says with what and on which GPU the run was trained.\n"
            f"Start it again: ftui run {run.preset}"
        )
    ensure_startable(run, trusts_code)
    lock = life.take(run, Role.SUPERVISOR)
    # Looked at again now that nothing can delete what it goes on from.
    try:
        planned = _planned(run, step, examine=True)
    except BaseException:
        locks.release(lock)
        raise
    name = planned.checkpoint.path.name if planned.checkpoint is not None else ""
    start_supervisor(run, name, warm, lock, trusts_code)
    if trusts_code:
        # Agreed to once; it is not asked again.
        launched.note(run)
    return planned


def to_resume_from(run: RunDirectory, step: int | None = None) -> Resumption:
    """Where it would go on. Raises LaunchError."""
    ensure_own(run)
    lives = life.of_run(run)
    if lives.life is Life.UNKNOWN:
        raise LaunchError(f"{run.id} may be running: {lives.why}.")
    if lives.may_live:
        raise LaunchError(f"{run.id} is running. Stop it first: ftui stop {run.id}")
    return _planned(run, step)


def _planned(run: RunDirectory, step: int | None, examine: bool = False) -> Resumption:
    """The same of a run that is known not to live; `examine` reads the checkpoint whole. Raises LaunchError."""
    if tickets.is_queued(run):
        return Resumption(None)
    found = checkpoints(run)
    harmed: list[Checkpoint] = []
    if step is not None:
        chosen = next((one for one in found if one.step == step), None)
        if examine and chosen is not None and not chosen.faults:
            chosen = examined(chosen)
    elif examine:
        chosen, harmed = newest_unharmed(run)
    else:
        chosen = newest(run)
    if chosen is None:
        raise LaunchError(_none_to_resume(run, step, harmed))
    # One that could not be loaded is tried again when the user asks for just that one.
    if chosen.faults:
        raise LaunchError(
            f"{chosen.path} is not whole: {chosen.wrong}.\n"
            f"Others: {', '.join(str(one.step) for one in found if one.is_whole) or 'none'}."
        )
    history = read_history(run)
    total = history.plan.get("total_steps")
    # One that died after its last step still has its end to make: the weights are not saved yet.
    is_made = history.phase in (Phase.FINISHED, Phase.STOPPED)
    if is_made and isinstance(total, int) and chosen.step >= total:
        raise LaunchError(
            f"{run.id} has made all of its {total} steps: there is nothing to go on with.\n"
            f"For more, make a preset of it (ftui presets new NAME --from {run.id}) with more epochs."
        )
    return Resumption(chosen, whole(summary.read_state(run).get("step")) or 0, tuple(harmed))


def _none_to_resume(run: RunDirectory, step: int | None, harmed: list[Checkpoint]) -> str:
    torn = [one for one in checkpoints(run) if not one.is_whole] + harmed
    what = f"no checkpoint of step {step}" if step is not None else "no whole checkpoint"
    more = "".join(f"\n{one.path.name}: {one.wrong}." for one in torn[-2:])
    return f"{run.id} has {what} to go on from.{more}\nStart it again: ftui run {run.preset}"
