"""`python -m tests.gpu.check`: everything that only a GPU can show, part by part, in about ten minutes.

Each part is a process with a time limit. Results are lines of JSON in OUT/results.jsonl, printed as they come, and a
table at the end. OUT/state.json remembers the parts that were carried through: a second call goes on behind them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner import gpu
from runner.store.directory import read_json, write_json
from tests.gpu.scene import Row, Scene

# Name -> the function, and its limit in seconds. The order is that of what one wants to know first.
PARTS: dict[str, tuple[str, int]] = {
    "preflight": ("tests.gpu.preflight:run", 90),
    "demo": ("tests.gpu.demo:run", 150),
    "resume": ("tests.gpu.resuming:run", 120),
    "out-of-memory": ("tests.gpu.out_of_memory:run", 240),
    "8b": ("tests.gpu.large:run", 240),
    "evaluation": ("tests.gpu.large:evaluation", 120),
    "float16": ("tests.gpu.resuming:float16", 120),
    "stop": ("tests.gpu.stopping:run", 120),
    "kinds": ("tests.gpu.resuming:kinds", 240),
}
NEEDED = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "pyarrow",
    "pandas",
    "bitsandbytes",
    "psutil",
)
BUDGET_SECONDS = 580
# CPUs that others use too: nothing is timed in a rehearsal.
REHEARSAL_FACTOR = 5
MARKS = {True: "✔", False: "✖", None: "·"}


def main() -> int:
    args = arguments()
    if args.part:
        return one_part(args)
    if lacking := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        words = "make gpu-wheels packs what a box lacks; --with NAME also what it usually has"
        print(f"not installed here: {', '.join(lacking)}. {words}", file=sys.stderr)
        return 1
    if not args.rehearse and not gpu.read().samples:
        print(f"nothing to check here: {gpu.read().problem}", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    state = args.out / "state.json"
    done: dict[str, Any] = {} if args.again else dict(read_json(state).get("done", {}))
    wanted = [name for name in PARTS if name in (args.only or PARTS) and name not in args.skip]
    deadline = time.monotonic() + args.budget
    for name in wanted:
        left = deadline - time.monotonic()
        if name in done:
            continue
        if left < 20:
            print(f"no time left for {name}: call it again, and it goes on there", file=sys.stderr)
            break
        rows = in_process(name, args, left)
        done[name] = rows
        write_json(state, {"done": done})
    table([Row(**row) for name in wanted for row in done.get(name, ())])
    missing = [name for name in wanted if name not in done]
    failed = [row for name in wanted for row in done.get(name, ()) if row["ok"] is False]
    print(f"{len(failed)} failed; not reached: {', '.join(missing) or 'none'}")
    return int(bool(failed or missing))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT", "gpu-check")), help="results and state"
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="only this part (several times: these)"
    )
    parser.add_argument("--skip", action="append", choices=PARTS, default=[], help="not this part")
    parser.add_argument("--again", action="store_true", help="also what was done already")
    parser.add_argument("--budget", type=float, default=BUDGET_SECONDS, help="seconds for all parts together")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, with tiny shapes")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def in_process(name: str, args: argparse.Namespace, left: float) -> list[dict[str, Any]]:
    """Carry one part through in a process of its own; its rows, also those of one that broke off."""
    limit = min(PARTS[name][1] * (REHEARSAL_FACTOR if args.rehearse else 1), left)
    command = [sys.executable, "-m", "tests.gpu.check", "--part", name, "--out", str(args.out)]
    started = time.monotonic()
    process = subprocess.Popen(
        [*command, *(["--rehearse"] if args.rehearse else [])],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    timer = _Limit(process, limit)
    rows = []
    assert process.stdout is not None
    with (args.out / "results.jsonl").open("a", encoding="utf-8") as results:
        for line in process.stdout:
            print(line, end="", flush=True)
            if (row := _row(line)) is not None:
                rows.append(row)
                results.write(line)
                results.flush()
        code = process.wait()
        timer.cancel()
        spent = round(time.monotonic() - started, 1)
        if code:
            why = f"over its limit of {limit:.0f} s" if timer.struck else f"broke off ({code})"
            rows.append(asdict(Row(name, "carried through", why, "to its end", False)))
        rows.append(asdict(Row(name, "seconds", spent)))
        results.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[-2 if code else -1 :])
    return rows


class _Limit:
    """Ends a part's processes when its time is over."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        import threading

        self.struck = False
        self._process = process
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _strike(self) -> None:
        self.struck = True
        os.killpg(self._process.pid, signal.SIGKILL)


def _row(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"part", "check", "ok"} <= found.keys() else None


def one_part(args: argparse.Namespace) -> int:
    """What the child process does."""
    module, _, function = PARTS[args.part][0].partition(":")
    folder = (args.out / args.part / str(int(time.time()))).absolute()
    folder.mkdir(parents=True)
    scene = Scene(args.part, folder, args.rehearse)
    try:
        getattr(importlib.import_module(module), function)(scene)
    except Exception as error:
        scene.say("carried through", f"{type(error).__name__}: {error}"[:2000], "to its end", False)
    finally:
        leave_nothing(folder)
    return 0


def leave_nothing(folder: Path) -> None:
    """End what a part that broke off left running: processes that name its folder."""
    import contextlib

    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in part for part in process.cmdline()):
                process.kill()


def table(rows: list[Row]) -> None:
    """All results, a line each."""
    width = max((len(row.check) for row in rows), default=0)
    for row in rows:
        wanted = f"  ({row.wanted})" if row.wanted else ""
        print(f"{MARKS[row.ok]} {row.part:<14} {row.check:<{width}}  {str(row.value)[:100]}{wanted}")


if __name__ == "__main__":
    sys.exit(main())
