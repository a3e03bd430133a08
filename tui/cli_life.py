"""`ftui stop`, `resume`, `ask` and `clean`: a run's life. Every verb imports what it needs inside itself."""

from __future__ import annotations

import sys

import click

from tui.command import open_screen, tell


@click.command()
@click.argument("run", default="last")
@click.option("--now", is_flag=True, help="End it at once; steps after the last checkpoint are lost.")
def stop(run: str, now: bool) -> None:
    """Stop a RUN: it finishes its step, writes a full checkpoint and the best adapter, and ends as stopped.

    Asked again (after two seconds), it ends at once. A run in the queue is taken out of it.
    """
    from tui.verbs.stop import stop_run

    tell(lambda: stop_run(run, now))


@click.command()
@click.argument("run", default="last")
@click.option("--step", type=int, metavar="N", help="Go on from checkpoint-N instead of the last whole one.")
@click.option("--plain", is_flag=True, help="Follow in text instead of opening the screen.")
@click.option("--detach", "-d", is_flag=True, help="Start it and return.")
def resume(run: str, step: int | None, plain: bool, detach: bool) -> None:
    """Go on with a RUN that stopped, failed or died, from its last whole checkpoint.

    The next step is the one after the checkpoint, with the learning rate and the rows it would have had. It is refused
    when data, effective batch or number of steps are not what they were.

    \b
    ftui resume last
    ftui resume 7f3a --step 300
    """
    from tui.verbs.resume import resume_run

    directory = tell(lambda: resume_run(run, step))
    if detach:
        return
    if plain or not sys.stdout.isatty():
        from tui.verbs.run import follow

        sys.exit(follow(directory))
    from tui.services.run_reader import Target

    open_screen(Target(directory))


@click.command()
@click.argument("what", type=click.Choice(["save", "evaluate", "sample"]))
@click.argument("run", default="last")
def ask(what: str, run: str) -> None:
    """Ask a living RUN for something between two steps: a checkpoint, an evaluation, answers to its sample prompts.

    \b
    ftui ask save last
    """
    from runner.store.requests import Request
    from tui.verbs.resume import ask_run

    tell(lambda: ask_run(run, Request(what)))


@click.command()
@click.argument("runs", nargs=-1)
@click.option("--yes", is_flag=True, help="Remove what can go.")
def clean(runs: tuple[str, ...], yes: bool) -> None:
    """Show what each run holds on disk, and which checkpoints can go.

    The best and the last whole checkpoint of every run stay, and everything of runs that live. Nothing is removed
    without --yes.

    \b
    ftui clean
    ftui clean 7f3a --yes
    """
    from tui.verbs.clean import clean as clean_runs

    tell(lambda: clean_runs(runs, yes))


LIFE = (stop, resume, ask, clean)
