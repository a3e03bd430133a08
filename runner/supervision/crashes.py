"""Known failures of the training stack: what happened and what to do, told from an exception's text or the console."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Crash:
    """A failure that is known. Any of `signs` (small letters) in the text is enough; the first that fits counts."""

    name: str
    signs: tuple[str, ...]
    message: str
    hint: str


TRIED = re.compile(r"Tried to allocate ([\d.]+ [KMG]iB)")
CAPACITY = re.compile(r"total capacity of ([\d.]+ [KMG]iB) of which ([\d.]+ [KMG]iB|\d+ bytes) is free")

OUT_OF_MEMORY = Crash(
    "out of memory",
    (
        "cuda out of memory",
        "outofmemoryerror",
        "cuda error: out of memory",
        "cuda_error_out_of_memory",
        "cudaerrormemoryallocation",
        "cublas_status_alloc_failed",
        "cudnn_status_alloc_failed",
        # Triton's, and bitsandbytes' ("Error out of memory at line 417 in file …").
        "triton error [cuda]: out of memory",
        "error out of memory at line",
        # The allocator asks NVML who holds what before it says that nothing is left, and fails at that.
        "nvml_success == r internal assert",
    ),
    "The GPU ran out of memory.",
    "Halve train.per_device_train_batch_size, double gradient_accumulation_steps: the same batch.",
)

GPU_LOST = Crash(
    "GPU lost",
    (
        "xid (",
        "xid:",
        "fallen off the bus",
        "gpu is lost",
        "unspecified launch failure",
        "uncorrectable ecc error",
    ),
    "The GPU stopped answering.",
    "See `dmesg | grep -i xid`; when it is back (nvidia-smi), go on with `ftui resume`.",
)

DISK_FULL = Crash(
    "disk full",
    ("no space left on device", "storagefull", "disk quota exceeded", "enforce fail at inline_container"),
    "The disk is full.",
    "Free some space (`ftui clean` shows what runs hold), then go on with `ftui resume`.",
)

CRASHES: tuple[Crash, ...] = (
    OUT_OF_MEMORY,
    Crash(
        "device-side assert",
        ("device-side assert", "assertion `srcindex < srcselectdimsize`", "indexselectlargeindex"),
        "A kernel on the GPU was given an index out of bounds: mostly a token id the model has no embedding for.",
        "Use the tokenizer that belongs to the model; added tokens need resized embeddings. CUDA_LAUNCH_BLOCKING=1 "
        "names the place.",
    ),
    Crash(
        "driver and library differ",
        (
            "driver/library version mismatch",
            "forward compatibility was attempted",
            "system has unsupported display driver",
        ),
        "The NVIDIA driver in the kernel and its libraries have different versions.",
        "Reboot, or reload the driver, after an update of it; in a container use the host's version.",
    ),
    Crash(
        "driver too old",
        (
            "the nvidia driver on your system is too old",
            "cuda driver version is insufficient",
            "unsupported toolchain",
        ),
        "The NVIDIA driver is too old for this build of PyTorch.",
        "Update the driver, or take a PyTorch built for an older CUDA: `ftui doctor` has the command.",
    ),
    Crash(
        "no code for this GPU",
        ("no kernel image is available", "is not compatible with the current pytorch installation"),
        "This build of PyTorch has no code for this GPU: the card is older, or newer, than the build.",
        "Take the PyTorch built for it (before Turing: cu126): `ftui doctor` has the command.",
    ),
    Crash(
        "no C compiler",
        (
            "python.h: no such file",
            "failed to find c compiler",
            "command '['/usr/bin/gcc'",
            "command '['gcc'",
            "calledprocesserror: gcc",
            "no such file or directory: 'gcc'",
        ),
        "Triton could not compile its kernels: the C compiler or the headers of Python are missing.",
        "Install them (Debian, Ubuntu: gcc and python3-dev): `ftui doctor` has the command.",
    ),
    Crash(
        "fp16 weights trained",
        ("attempting to unscale fp16 gradients",),
        "Weights that are trained are held in float16, whose gradients cannot be scaled.",
        "Set model.dtype to auto (fp32 weights), or train an adapter instead.",
    ),
    GPU_LOST,
    Crash(
        "bitsandbytes without CUDA",
        (
            "bitsandbytes was compiled without gpu support",
            "libbitsandbytes_cpu.so",
            "cuda setup failed",
            "no module named 'bitsandbytes'",
        ),
        "bitsandbytes has no code for this GPU, so weights cannot be quantised on it.",
        "Install a bitsandbytes for this CUDA version; `ftui doctor` tries it.",
    ),
    Crash(
        "bf16 unsupported",
        (
            "does not support bfloat16",
            "bf16/gpu",
            "bfloat16 is not supported",
            "current cuda device does not support bfloat16",
        ),
        "This GPU cannot compute in bf16 (it needs an Ampere or newer).",
        "Set model.dtype to float16.",
    ),
    Crash(
        "gated model",
        ("gated repo", "401 client error", "403 client error", "access to model"),
        "The hub refuses access to the model: it is gated, or the login is missing.",
        "Accept its licence on the hub, then run `hf auth login` on this machine.",
    ),
    Crash(
        "no network",
        (
            "offline mode",
            "couldn't connect",
            "cannot reach",
            "name resolution",
            "locate the file on the hub",
            "max retries exceeded",
        ),
        "The model or data set is not on this machine and the hub cannot be reached.",
        "Check the network, or give a local directory that starts with ./ or /.",
    ),
    Crash(
        "no such model",
        ("is not a local folder and is not a valid model identifier", "repository not found"),
        "There is no model of this name.",
        "Check model.model_name_or_path; a local directory starts with ./ or /.",
    ),
    Crash(
        "no chat template",
        ("chat_template is not set", "does not have a chat template", "no chat template"),
        "The tokenizer has no chat template, and the rows are conversations.",
        "Name one in model.chat_template_path, or use an instruct model.",
    ),
    Crash(
        "no pad token",
        ("asking to pad but the tokenizer does not have a padding token", "no padding token"),
        "The tokenizer has no token to pad with.",
        "Set its pad_token in tokenizer_config.json; the end-of-text token does when nothing else is there.",
    ),
    Crash(
        "wrong target modules",
        ("not found in the base model", "target modules"),
        "None of lora.target_modules exists in this model.",
        "Use all-linear, or the layer names of this model.",
    ),
    Crash(
        "checkpoint does not fit",
        (
            "error(s) in loading state_dict",
            "size mismatch for",
            "loaded state dict contains a parameter group",
        ),
        "The checkpoint was made with another adapter or another optimizer than the preset has now.",
        "Put lora.r, lora.target_modules and train.optim back as they were, or start a new run.",
    ),
    DISK_FULL,
    Crash(
        "out of host memory",
        ("cannot allocate memory", "defaultcpuallocator: not enough memory", "bus error", "std::bad_alloc"),
        "The machine's own memory ran out.",
        "Close other programs, lower train.dataloader_num_workers, or take a smaller data set.",
    ),
)


def known(text: str) -> Crash | None:
    """The crash a text tells of; None when it is not known."""
    small = text.lower()
    return next((crash for crash in CRASHES if any(sign in small for sign in crash.signs)), None)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the GPU's memory ran out; the host's does not raise."""
    return type(error).__name__ == "OutOfMemoryError" or known(str(error)) is OUT_OF_MEMORY


def known_in(lines: Iterable[str]) -> Crash | None:
    """The crash the end of a console tells of: the last line that tells of one counts."""
    return next((crash for line in reversed(list(lines)) if (crash := known(line)) is not None), None)


def message_of(crash: Crash, text: str) -> str:
    """Its message, with the numbers of the text where it has any."""
    tried = TRIED.search(text) if crash is OUT_OF_MEMORY else None
    if tried is None:
        return crash.message
    capacity = CAPACITY.search(text)
    free = f", {capacity[2]} of {capacity[1]} were free" if capacity else ""
    return f"The GPU ran out of memory: {tried[1]} more were wanted{free}."
