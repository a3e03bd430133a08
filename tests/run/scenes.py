"""Runs made of files alone, events with a known verdict, and a webhook that listens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runner.preset import files
from runner.store import directory
from runner.store.directory import RunDirectory, read_json
from runner.supervision.monitor import RunMonitor

Event = dict[str, Any]
IDLE: dict[str, Any] = {"trainer_cpu_percent": 0.0}


def made_run(home: Path, *events: Event, overrides: tuple[str, ...] = (), name: str = "demo") -> RunDirectory:
    """A run directory as a supervisor finds it, with these events written."""
    run = directory.create(home, name)
    files.dump(files.load("demo", home, overrides).preset, run.preset)
    directory.write_json(run.run, {"id": run.id, "gpu": None, "created_at": 1.7e9, "argv": "ftui run demo"})
    add(run, *events)
    return run


def add(run: RunDirectory, *events: Event) -> None:
    """Write events behind those there are, with the time they have or now."""
    with run.events.open("a", encoding="utf-8") as stream:
        for event in events:
            stream.write(json.dumps({"t": time.time(), **event}, separators=(",", ":")) + "\n")


def phase(name: str, **more: Any) -> Event:
    return {"type": "phase", "phase": name, **more}


def plan(total: int = 100, **more: Any) -> Event:
    return {
        "type": "plan",
        "total_steps": total,
        "steps_per_epoch": 20,
        "warmup_steps": 0,
        "trainable_parameters": 1000,
        **more,
    }


def step(number: int, loss: float | str = 1.0, **more: Any) -> Event:
    values = {
        "epoch": number / 20,
        "lr": 1e-4,
        "grad_norm": 1.0,
        "tokens": 10,
        "step_s": 0.1,
        "accuracy": 0.5,
    }
    return {"type": "step", "step": number, "loss": loss, **values, **more}


def evaluation(at: int, loss: float | str, name: str = "val", **more: Any) -> Event:
    return {"type": "eval", "set": name, "step": at, "epoch": at / 20, "loss": loss, "n": 64, **more}


def end(status: str, reason: str = "") -> list[Event]:
    return [phase(status), {"type": "end", "status": status, "reason": reason}]


HELD_OUT = [2.5, 1.8, 1.4, 1.2, 1.21, 1.24, 1.29, 1.36, 1.44, 1.53]
PROBE = [2.5, 1.8, 1.35, 1.1, 0.9, 0.75, 0.6, 0.5, 0.4, 0.3]
OVERFIT_SINCE = 30


def overfitting(until: int = 10) -> list[Event]:
    """A run of 100 steps with an evaluation each ten, and its train-probe: critical from the ninth evaluation on."""
    events: list[Event] = [phase("training"), plan()]
    for at in range(until):
        if at:
            events += [step(10 * at - 9 + i, PROBE[at]) for i in range(10)]
        events += [evaluation(10 * at, HELD_OUT[at]), evaluation(10 * at, PROBE[at], "train_probe")]
        events += [{"type": "checkpoint", "step": 10 * at}] if at else []
    return events


def scripted_lines(*events: Event) -> list[str]:
    """Events as lines of the scripted trainer."""
    return ["event " + json.dumps(event) for event in events]


@dataclass
class Webhook:
    """What a local server was sent: (method, content type, body)."""

    url: str
    taken: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.taken]


@contextmanager
def listening(status: int = 200) -> Iterator[Webhook]:
    """A webhook that answers every request with this status."""
    hook = Webhook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.taken.append((self.command, self.headers["Content-Type"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configured(home: Path, hook: Webhook, more: str = "") -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(f"alerts:\n  webhook: {hook.url}\n{more}")


def look(watch: RunMonitor, sample: dict[str, Any] | None = None, final: bool = False) -> dict[str, Any]:
    """The state after one look."""
    watch.update(IDLE if sample is None else sample, {"trainer_pid": 1}, final)
    return read_json(watch.run.state)
