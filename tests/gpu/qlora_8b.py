"""A short real QLoRA run of an 8B-shaped model, through launch and supervisor: `python -m tests.gpu.qlora_8b`.

Prints one JSON object: device, versions, tokens a second, the allocator's peaks and NVML's memory. `--shape tiny --cpu`
is a rehearsal without a GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runner import gpu
from runner.preset import files
from runner.run import launch, summary
from runner.run.directory import RunDirectory, read_json
from runner.run.history import read_history
from runner.run.jsonl import LineTail
from tests.gpu.shapes import QWEN3_8B

TINY = {
    **QWEN3_8B,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 64,
}
STEPS = 12
WARM_UP_STEPS = 3


def write_rows(path: Path, rows: int, words: int) -> None:
    """Chat rows whose answers are long enough to fill max_length."""
    with path.open("w", encoding="utf-8") as stream:
        for i in range(rows):
            answer = " ".join(f"item {i * words + j}" for j in range(words))
            turns = [{"role": "user", "content": f"List {i}"}, {"role": "assistant", "content": answer}]
            stream.write(json.dumps({"messages": turns}) + "\n")


def measure(folder: Path, shape: dict[str, Any], on_cpu: bool, length: int, batch: int) -> dict[str, Any]:
    """Train a few steps and collect what was recorded; raises RuntimeError when the run did not finish."""
    started = time.monotonic()
    # In a process of its own: this one must hold no CUDA context while NVML is read.
    import subprocess

    code = (
        "import sys, json; from pathlib import Path; from tests.gpu.shapes import write_model;"
        "write_model(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3])"
    )
    model = folder / "model"
    subprocess.run(
        [sys.executable, "-c", code, model, json.dumps(shape), "cpu" if on_cpu else "cuda"], check=True
    )
    built = time.monotonic() - started
    write_rows(folder / "rows.jsonl", rows=batch * STEPS, words=length // 3)
    settings = [
        f"model.model_name_or_path={model}",
        f"data.train_dataset={folder}/rows.jsonl",
        f"train.max_length={length}",
        f"train.max_steps={STEPS}",
        f"train.per_device_train_batch_size={batch}",
        "train.gradient_accumulation_steps=1",
        "eval.max_eval_samples=8",
        "eval.eval_steps=6",
    ]
    home = folder / "home"
    loaded = files.load("qlora-8b-24gb", home, settings)
    run = launch.launch(loaded, home, "cpu" if on_cpu else None).run
    while summary.is_alive(run):
        time.sleep(0.5)
    return {"build_s": round(built, 1), **report(run)}


def report(run: RunDirectory) -> dict[str, Any]:
    """The figures of a finished run."""
    history = read_history(run)
    if history.end.get("status") != "finished":
        raise RuntimeError(f"{history.end.get('reason')}\n{run.console.read_text()[-3000:]}")
    train = history.train
    rates = [t / s for t, s in zip(train.tokens, train.seconds, strict=True)][WARM_UP_STEPS:]
    samples = [s["gpu"] for s in LineTail(run.system).read_all() if isinstance(s.get("gpu"), dict)]
    memory = [e for e in LineTail(run.events).read_all() if e["type"] == "memory"]
    record = read_json(run.run)
    return {
        "device": history.plan["device"],
        "dtype": history.plan["dtype"],
        "driver": record["driver"],
        "versions": record["versions"],
        "parameters": history.plan["total_parameters"],
        "trainable_parameters": history.plan["trainable_parameters"],
        "steps": len(train),
        "tokens_per_step": statistics.median(train.tokens),
        "tokens_per_s": round(statistics.median(rates), 1),
        "loss_first": train.loss[0],
        "loss_last": train.loss[-1],
        "memory_mib": [{key: value for key, value in e.items() if key not in ("type", "t")} for e in memory],
        "peak_allocated_mib": max((e.get("peak_allocated_mib", 0) for e in memory), default=0),
        "peak_reserved_mib": max((e.get("peak_reserved_mib", 0) for e in memory), default=0),
        "nvml_used_peak_mib": max((s.get("used_mib") or 0 for s in samples), default=None),
        # What was predicted for the rows this run had, beside what it used; written after a whole epoch.
        "predicted_and_measured": {
            key: value for key, value in read_json(run.path / "memory.json").items() if key != "stages"
        },
        "nvml_own_peak_mib": max((s.get("own_mib") or 0 for s in samples), default=None),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=["8b", "tiny"], default="8b")
    parser.add_argument("--cpu", action="store_true", help="rehearse on the CPU")
    parser.add_argument("--length", type=int, default=2048, help="tokens a row")
    parser.add_argument("--batch", type=int, default=2, help="rows a step")
    args = parser.parse_args()
    if not args.cpu and not gpu.read().samples:
        print(f"no GPU to check: {gpu.read().problem}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        shape = QWEN3_8B if args.shape == "8b" else TINY
        print(json.dumps(measure(Path(folder), shape, args.cpu, args.length, args.batch), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
