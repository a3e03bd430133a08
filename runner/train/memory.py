"""What a run really uses, stage by stage, and beside what was predicted: the predictor learns from it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

import psutil
import torch
import trl

from runner import gpu
from runner.insight.memory.architecture import NotCoveredError
from runner.insight.memory.inputs import Stack, parse_version, setup_of
from runner.insight.memory.reading import read_architecture
from runner.insight.memory.terms import terms
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory, write_json
from runner.store.events import EventLog
from runner.supervision import crashes
from runner.supervision.environment import allocator
from runner.supervision.gpu_reader import own_memory
from runner.train.dataset import Data

MIB = 1 << 20
TRIED = re.compile(r"Tried to allocate ([\d.]+) ([KMG])iB")


def device_used_mib() -> int | None:
    """MiB in use on the one GPU this process may use, by NVML and without a CUDA context; None without a GPU."""
    uuid = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    found = next((sample for sample in gpu.read().samples if uuid and sample.gpu.uuid == uuid), None)
    return found.used_mib if found is not None else None


class MemoryBook:
    """Notes memory at the stages of a run as events, and writes memory.json at its end."""

    def __init__(
        self,
        preset: Preset,
        run: RunDirectory,
        log: EventLog,
        data: Data,
        config: Mapping[str, Any],
        device_before: int | None = None,
    ) -> None:
        self._preset = preset
        self._run = run
        self._log = log
        self._data = data
        self._config = config
        self._started = time.monotonic()
        self._on_gpu = torch.cuda.is_available()
        # Without the driver's list of processes, what the device holds more than before is this process's.
        self._device_before = device_before
        self._seen: dict[str, Any] = {}
        self._peaks: dict[str, float] = {}
        self._last = ""

    def note(self, at: str) -> None:
        """Write a memory event, and begin a new peak: those of loading, training and evaluation are apart."""
        values: dict[str, Any] = {"rss_mib": round(psutil.Process().memory_info().rss / MIB)}
        if self._on_gpu:
            values |= {
                "allocated_mib": round(torch.cuda.memory_allocated() / MIB),
                "reserved_mib": round(torch.cuda.memory_reserved() / MIB),
                "peak_allocated_mib": round(torch.cuda.max_memory_allocated() / MIB),
                "peak_reserved_mib": round(torch.cuda.max_memory_reserved() / MIB),
            }
            if at in ("first step", "evaluation", "end"):
                values["nvml_mib"] = self._shown()
            self._take(at)
            torch.cuda.reset_peak_memory_stats()
        self._last = at
        self._seen[at] = {**values, "seconds": round(time.monotonic() - self._started, 3)}
        self._log.append("memory", at=at, **values)

    def _take(self, at: str) -> None:
        if at == "first step":
            self._peaks.setdefault("static", torch.cuda.memory_allocated() / MIB)
        stage = {"loaded": "load", "built": "load", "evaluation": "evaluation"}.get(at, "train")
        for kind, peak in (
            ("allocated", torch.cuda.max_memory_allocated()),
            ("reserved", torch.cuda.max_memory_reserved()),
        ):
            key = f"{stage}_{kind}"
            self._peaks[key] = max(self._peaks.get(key, 0.0), peak / MIB)

    def write(self, error: BaseException | None = None) -> None:
        """Write memory.json. Nothing is written for an error that is no lack of memory: its peak says nothing."""
        out_of_memory = error is not None and crashes.is_out_of_memory(error)
        if error is not None and not out_of_memory:
            return
        record: dict[str, Any] = {
            "schema": 1,
            "device": self._device(),
            "stages": self._seen,
            "oom": out_of_memory,
        }
        if self._on_gpu:
            record |= self._measured(error) | self._predicted()
        write_json(self._run.path / "memory.json", record)

    def _measured(self, error: BaseException | None) -> dict[str, Any]:
        if error is not None:
            tried = TRIED.search(str(error))
            more = float(tried[1]) * {"K": 1 / 1024, "M": 1.0, "G": 1024.0}[tried[2]] if tried else 0.0
            failed = torch.cuda.memory_allocated() / MIB + more
            # What evaluation needed says nothing about a training step.
            stage = "evaluation" if self._last == "before evaluation" else "train"
            self._peaks[f"{stage}_allocated"] = max(failed, torch.cuda.max_memory_allocated() / MIB)
        shown = [stage["nvml_mib"] for stage in self._seen.values() if stage.get("nvml_mib")]
        return {
            "gpu": torch.cuda.get_device_name(),
            "allocator": allocator(os.environ),
            "static": self._peaks.get("static"),
            "peak_allocated": self._peaks.get("train_allocated"),
            "peak_reserved": max(
                (v for k, v in self._peaks.items() if k in ("train_reserved", "evaluation_reserved")),
                default=None,
            ),
            "evaluation_allocated": self._peaks.get("evaluation_allocated"),
            "load_allocated": self._peaks.get("load_allocated"),
            "shown": max(shown, default=None),
        }

    def _predicted(self) -> dict[str, Any]:
        """The closed form for the rows this run really had; nothing for a model it does not cover."""
        try:
            architecture = read_architecture(self._config)
        except NotCoveredError:
            return {}
        capability = torch.cuda.get_device_capability()
        stack = Stack(parse_version(trl.__version__))
        setup = setup_of(
            self._preset,
            architecture,
            stack,
            longest=self._data.longest_row,
            eval_longest=self._data.longest_eval_row or None,
            has_bf16=capability >= (8, 0),
            compute_capability=capability,
        )
        parts = terms(setup)
        return {
            "model_type": architecture.model_type,
            "stack": stack.name,
            "batch": setup.batch,
            "length": setup.length,
            "predicted_static": parts.static / MIB,
            "predicted_activations": (parts.activations + parts.gradients) / MIB,
            "predicted_evaluation": parts.evaluation / MIB,
        }

    def _device(self) -> str:
        return torch.cuda.get_device_name() if self._on_gpu else "CPU"

    def _shown(self) -> int | None:
        """MiB of GPU memory of this process by NVML; by what the device holds more where processes are hidden."""
        sample = self._sample(processes=True)
        if sample is None:
            return None
        own = own_memory(sample, psutil.Process().pid)
        if own is not None or sample.used_mib is None or self._device_before is None or sample.gpu.shares_ram:
            return own
        return sample.used_mib - self._device_before

    def _sample(self, processes: bool = False) -> gpu.GpuSample | None:
        uuid = str(torch.cuda.get_device_properties(0).uuid)
        return next((s for s in gpu.read(processes).samples if uuid in s.gpu.uuid), None)
