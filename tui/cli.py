"""The command line. Every verb imports what it needs inside itself, so that `ftui --help` is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tui.cli_judging import JUDGING
from tui.cli_life import LIFE
from tui.cli_presets import presets
from tui.cli_queue import queue
from tui.command import NAMES, Nearest, open_screen, tell

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Nearest, invoke_without_command=True, context_settings=CONTEXT)
@click.version_option(package_name="finetune-tui", prog_name="ftui")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Fine-tune language models on your own GPU: presets, detached runs, live curves, plain verdicts.

    Without a verb, ftui opens its screen. A run is a process of its own: close the screen, the terminal or the
    connection, and it goes on.

    \b
    A first run:                  ftui run demo
    A real one:                   ftui run qlora-quickstart --set data.train_dataset=./chats.jsonl
    Find it again:                ftui             (or: ftui watch last)
    Everything in text:           ftui run demo --plain, ftui ls, ftui show last
    """
    if ctx.invoked_subcommand is None:
        open_screen(None)


@cli.command()
@click.argument("preset")
@click.option(
    "--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting. Repeatable."
)
@click.option(
    "--gpu", metavar="INDEX|UUID|NAME|cpu", help="Which GPU; without it the one with most free memory."
)
@click.option("--plain", is_flag=True, help="Follow in text instead of opening the screen.")
@click.option("--detach", "-d", is_flag=True, help="Start it, print its id and return.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: print id and directory as JSON.")
@click.option("--force", is_flag=True, help="Launch even what `ftui check` would refuse.")
def run(
    preset: str,
    overrides: tuple[str, ...],
    gpu: str | None,
    plain: bool,
    detach: bool,
    as_json: bool,
    force: bool,
) -> None:
    """Start a run of PRESET (a name from `ftui presets`, or a .yaml file) and follow it.

    The run is detached from the start: leaving the screen, Ctrl-C, or a lost connection do not touch it. Without a
    terminal, or with --plain, its progress is printed line by line and the exit code is 0 when it finished, 1 when it
    failed, 3 when it was stopped.

    \b
    ftui run demo
    ftui run demo --set train.learning_rate=1e-3 --set train.num_train_epochs=1
    ftui run my-preset.yaml --gpu 1 --detach
    """
    from tui.verbs.run import start

    launched = tell(lambda: start(preset, overrides, gpu, force))
    if detach or as_json:
        from tui.verbs.run import print_launched

        print_launched(launched, as_json)
    elif plain or not sys.stdout.isatty():
        from tui.verbs.run import follow

        sys.exit(follow(launched.run))
    else:
        from tui.services.run_reader import Target

        open_screen(Target(launched.run))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--limit", "-n", default=20, show_default=True, help="How many, newest first; 0 for all.")
def ls(as_json: bool, limit: int) -> None:
    """List runs, newest first, with their progress and verdict."""
    from tui.verbs.ls import list_runs

    list_runs(limit, as_json)


@cli.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def show(run: str, as_json: bool) -> None:
    """Show one RUN: settings, curves, verdict, files. RUN is an id, a unique part of one, or `last`."""
    from tui.verbs.show import show_run

    tell(lambda: show_run(run, as_json))


@cli.command()
@click.argument("run", default="last")
@click.option("--plain", is_flag=True, help="Follow in text instead of opening the screen.")
@click.option("--map", "names", default="", metavar=NAMES, help="Which column of a table is what.")
def watch(run: str, plain: bool, names: str) -> None:
    """Open the screen on a RUN with its whole history, live if it lives.

    RUN is an id, a unique part of one, `last`, or the path of a run started elsewhere: its output directory, a folder
    above, or one file; `ftui diagnose --help` says what is read. An empty log is waited for. Of several runs in a
    folder you choose one; without a terminal it is the newest.

    With --plain the verdict is printed when it arises and when it changes, and the exit code is 0 when the run finished
    and 1 when its trace stopped growing.

    \b
    ftui watch last
    ftui watch ~/axolotl/outputs/lora-out
    ftui watch train.log --plain
    ftui watch my_log.csv --map loss=nll,step=batch
    """
    from tui.verbs.watch import follow_in_text, resolve

    target = tell(lambda: resolve(run, names))
    if plain or not sys.stdout.isatty():
        sys.exit(follow_in_text(target))
    open_screen(target)


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare(runs: tuple[str, ...], as_json: bool) -> None:
    """Hold runs against the first one: settings that differ, best evaluations, and whether the difference can be seen.

    \b
    ftui compare last qlora-8b-7f3a
    """
    from tui.verbs.compare import compare as compare_runs

    tell(lambda: compare_runs(runs, as_json))


@cli.command()
@click.argument("run", default="last")
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="Another folder than the run's."
)
def report(run: str, output: Path | None) -> None:
    """Write report.md and curve.svg of a RUN: verdict, findings with evidence, evaluations, settings, data, samples.

    A run writes its own when it ends.

    \b
    ftui report last -o ./notes
    """
    from tui.verbs.report import report as write_report

    tell(lambda: write_report(run, output))


@cli.command()
@click.option("--tmux", is_flag=True, help="With tmux's colours.")
def status(tmux: bool) -> None:
    """One line on the runs that live, for a status bar.

    \b
    set -g status-right '#(ftui status --tmux)'        in ~/.tmux.conf
    """
    from tui.verbs.status import status as line

    click.echo(line(tmux))


@cli.command()
@click.argument("preset")
@click.option(
    "--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help="Change one setting. Repeatable."
)
@click.option(
    "--gpu", metavar="NAME", help="A GPU of this machine, or any card: 'RTX 4090', 'A100 80GB', cpu."
)
@click.option(
    "--free-gib", type=click.FloatRange(min=0.1), metavar="GIB", help="Free memory to judge against."
)
@click.option(
    "--target-batch", type=click.IntRange(min=1), metavar="N", help="Propose ways to this effective batch."
)
@click.option("--no-data", is_flag=True, help="Do not look at the data: quick, and less exact.")
@click.option(
    "--probe", is_flag=True, help="Measure instead of predicting: one real step with the longest rows."
)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def check(
    preset: str,
    overrides: tuple[str, ...],
    gpu: str | None,
    free_gib: float | None,
    target_batch: int | None,
    no_data: bool,
    probe: bool,
    as_json: bool,
) -> None:
    """Judge a PRESET before it is launched: batch, steps, memory, data, settings that are likely wrong.

    Exit code 1 when a launch would be refused.

    \b
    ftui check demo
    ftui check qlora-8b-24gb --gpu "RTX 4090" --no-data
    ftui check my-preset --set train.max_length=4096 --free-gib 22 --target-batch 32
    ftui check my-preset --probe
    """
    from tui.verbs.check import check as check_preset
    from tui.verbs.check import measure

    if probe:
        sys.exit(tell(lambda: measure(preset, overrides, gpu, as_json)))
    sys.exit(tell(lambda: check_preset(preset, overrides, gpu, free_gib, target_batch, not no_data, as_json)))


cli.add_command(presets)
cli.add_command(queue)
for verb in (*LIFE, *JUDGING):
    cli.add_command(verb)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(as_json: bool) -> None:
    """Check this machine: driver, GPUs, PyTorch, 4-bit kernels, compiler, versions, disk, environment, terminal.

    Exit code 1 when a run would fail, or not do what its preset says. Send this page with a bug report.
    """
    from tui.verbs.doctor import report

    sys.exit(report(as_json))


def main() -> None:
    """The `ftui` command."""
    cli(prog_name="ftui")


if __name__ == "__main__":
    main()
