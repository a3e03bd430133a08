"""`python -P -m runner.train.spare CONNECTION_FD NICE FTUI_HOME PADDING`: a trainer that was started before there was a
run, and has the training stack imported. Started by a spare supervisor (runner/supervision/spare.py).

Nothing it imports may touch a GPU: it holds no memory of one, and which card it gets is not known yet. Where the cards
are hidden from it for good, because the run is for the CPU, it imports what asks for them too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import runpy
import socket
import stat
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from runner.redaction.streams import guard_streams
from runner.store.directory import RunDirectory
from runner.supervision import command_line, handover
from runner.supervision.freshness import CARD
from runner.supervision.imports_ahead import ImportsAhead
from runner.supervision.spare import become

# None of these asks for a GPU when it is imported: so read in the sources of torch 2.13, transformers 5.23, datasets
# 5.2 and accelerate 1.15, and not run on one. Before a run that is looked at again.
BLIND = (
    "runner.preset.files",
    "torch",
    "torch.distributed",
    "torch._inductor",
    "datasets",
    "transformers",
    "accelerate",
    "transformers.modeling_utils",
    "transformers.masking_utils",
)
# bitsandbytes asks for a GPU, and the others import it.
SEEING = (
    "bitsandbytes",
    "peft",
    "peft.tuners.lora.bnb",
    "trl",
    "transformers.integrations.bitsandbytes",
    "runner.train.training",
)
NOT_INITIALISED = 3
MOST_PRINTED = 1 << 16


def main(ahead: Sequence[str] | None = None) -> int:
    """Wait for a run and train it. `ahead` are the modules to import before."""
    guard_streams()
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    # Here, in the main thread: the workers of its BLAS library keep the priority of the thread that starts them.
    import numpy as np  # noqa: F401

    if ahead is None:
        ahead = (*BLIND, *SEEING) if os.environ.get(CARD) == "" else BLIND
    imports = ImportsAhead(ahead, int(sys.argv[2]))
    imports.start()
    request = handover.receive(connection)
    if request is None:
        # At once: the imports may be under way.
        os._exit(0)
    # The lease, if there is one, stays open as it came: it is held, and not used.
    message, (console, lock, *_) = request
    try:
        imports.stop()
        ensure_untouched(message["environment"])
        run, trainer = RunDirectory(Path(message["run"])), str(message["trainer"])
        hand_on_printed(console)
        become(
            command_line.of(trainer, run.path, lock, str(message["checkpoint"])),
            run,
            message["environment"],
            console,
        )
    # Whatever it is, a trainer that is started anew may do better.
    except Exception as error:
        traceback.print_exc()
        handover.send(connection, {"why": f"{type(error).__name__}: {error}"})
        return 1
    handover.send(connection, {"why": ""})
    connection.close()
    # As `python -m` does.
    runpy.run_module(trainer, run_name="__main__", alter_sys=True)
    return 0


def ensure_untouched(environment: dict[str, str]) -> None:
    """Raises RuntimeError when CUDA was initialised: from then on this process sees the cards it saw then, and holds
    memory of them.
    """
    torch = sys.modules.get("torch")
    if torch is not None and (torch.cuda.is_initialized() or torch.cuda._is_in_bad_fork()):
        raise RuntimeError("CUDA is initialised in torch")
    if environment.get(CARD) != os.environ.get(CARD) and driver_is_initialised():
        raise RuntimeError("CUDA is initialised in its driver")


def driver_is_initialised() -> bool:
    """Whether cuInit was called in this process, by whatever library: until then the driver answers nothing else."""
    try:
        count = ctypes.CDLL("libcuda.so.1").cuDeviceGetCount(ctypes.byref(ctypes.c_int()))
    except (OSError, AttributeError):
        return False
    return bool(count != NOT_INITIALISED)


def hand_on_printed(console: int) -> None:
    """What was printed while importing, to the console of the run."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(1).st_mode):
            os.write(console, os.pread(1, MOST_PRINTED, 0))


if __name__ == "__main__":
    sys.exit(main())
