"""A trainer that does what a script says: real processes, real files, real signals, no torch.

Each line of the script in $FTUI_SCRIPT is one of
    event {json}      append an event               torn TEXT    write TEXT to events.jsonl without a newline
    print TEXT        write a line to the console   sleep S      wait
    kill N            die of signal N               exit N       leave with code N
    until-stop        append a step every 20 ms until asked to stop, then end as stopped
    guard           keep secrets out of what is printed, as the real trainer does
    stacks          write the stack when SIGUSR1 asks for it, as the real trainer does
    until-asked       wait in silence until asked to stop, then end as stopped, in the words of the real trainer
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from runner.redaction.streams import guard_streams
from runner.store import locks, requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.history import read_history
from runner.store.requests import Request
from runner.train.stacks import listen
from runner.train.stop_flag import StopFlag


def main() -> int:
    run = RunDirectory(Path(sys.argv[1]))
    locks.keep(int(sys.argv[2]))
    log = EventLog(run)
    asked: list[int] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    for line in Path(os.environ["FTUI_SCRIPT"]).read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "event":
            event = json.loads(rest)
            log.append(event.pop("type"), **event)
        elif word == "torn":
            with run.events.open("a", encoding="utf-8") as stream:
                stream.write(rest)
        elif word == "print":
            print(rest, flush=True)
        elif word == "sleep":
            time.sleep(float(rest))
        elif word == "kill":
            os.kill(os.getpid(), int(rest))
        elif word == "exit":
            return int(rest)
        elif word == "guard":
            guard_streams()
        elif word == "stacks":
            listen(run)
        elif word == "until-stop":
            _train_until_stopped(run, log, asked)
        elif word == "until-asked":
            _wait_until_asked(run, log)
    return 0


def _wait_until_asked(run: RunDirectory, log: EventLog) -> None:
    stop = StopFlag(run, log)
    while not stop.requested:
        reason = requests.reason_of(run, Request.STOP)
        if Request.STOP in requests.take(run):
            stop.request(reason)
        time.sleep(0.02)
    log.phase(Phase.STOPPED)
    log.append("end", status="stopped", reason=stop.words(read_history(run).step))


def _train_until_stopped(run: RunDirectory, log: EventLog, asked: list[int]) -> None:
    log.phase(Phase.TRAINING)
    log.append("plan", total_steps=100_000, steps_per_epoch=1000, eval_steps=None, trainable_parameters=10)
    step = 0
    while not asked and Request.STOP not in requests.take(run):
        step += 1
        log.append(
            "step",
            step=step,
            epoch=step / 1000,
            loss=2 / step,
            lr=1e-4,
            grad_norm=1.0,
            tokens=100,
            step_s=0.02,
        )
        time.sleep(0.02)
    log.append("checkpoint", step=step, path=f"checkpoints/checkpoint-{step}", best=False)
    log.phase(Phase.STOPPED)
    log.append("end", status="stopped", reason=f"stopped after step {step}")


if __name__ == "__main__":
    sys.exit(main())
