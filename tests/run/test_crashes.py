"""Every known failure is told by the text it really comes with."""

from __future__ import annotations

import pytest

from runner.supervision.crashes import CRASHES, known, known_in, message_of

OUT_OF_MEMORY_TEXT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a "
OUT_OF_MEMORY_TEXT += "total capacity of 23.64 GiB of which 310.00 MiB is free."

REAL = [
    ("out of memory", OUT_OF_MEMORY_TEXT),
    ("device-side assert", "RuntimeError: CUDA error: device-side assert triggered"),
    ("driver and library differ", "Failed to initialize NVML: Driver/library version mismatch"),
    ("driver too old", "RuntimeError: The NVIDIA driver on your system is too old (found version 11040)."),
    ("driver too old", "CUDA error: the provided PTX was compiled with an unsupported toolchain."),
    ("no code for this GPU", "CUDA error: no kernel image is available for execution on the device"),
    (
        "no code for this GPU",
        "Tesla P100 with CUDA capability sm_60 is not compatible with the current PyTorch installation.",
    ),
    (
        "no C compiler",
        "subprocess.CalledProcessError: Command '['/usr/bin/gcc', '/tmp/tmpy1/main.c', '-O3', '-shared', '-fPIC', "
        "'-lcuda', '-I/usr/include/python3.12']' returned non-zero exit status 1.",
    ),
    ("no C compiler", "/tmp/tmps1rk/main.c:5:10: fatal error: Python.h: No such file or directory"),
    ("no C compiler", "RuntimeError: Failed to find C compiler. Please specify via CC environment variable."),
    ("fp16 weights trained", "ValueError: Attempting to unscale FP16 gradients."),
    ("GPU lost", "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."),
    ("bitsandbytes without CUDA", "The installed version of bitsandbytes was compiled without GPU support."),
    (
        "bf16 unsupported",
        "ValueError: Your setup doesn't support bf16/gpu. You need Ampere+ GPU with cuda>=11.0",
    ),
    ("gated model", "OSError: You are trying to access a gated repo. 401 Client Error."),
    ("no network", "socket.gaierror: [Errno -3] Temporary failure in name resolution"),
    (
        "no such model",
        "OSError: x/y is not a local folder and is not a valid model identifier listed on the hub",
    ),
    (
        "no chat template",
        "ValueError: Cannot use chat template functions because tokenizer.chat_template is not set",
    ),
    ("no pad token", "ValueError: Asking to pad but the tokenizer does not have a padding token."),
    ("wrong target modules", "ValueError: Target modules {'q'} not found in the base model."),
    (
        "checkpoint does not fit",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM: size mismatch",
    ),
    ("disk full", "OSError: [Errno 28] No space left on device"),
    (
        "out of host memory",
        "RuntimeError: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory",
    ),
]


@pytest.mark.parametrize(("name", "text"), REAL)
def test_it_is_known(name: str, text: str) -> None:
    crash = known(text)
    assert crash is not None
    assert crash.name == name
    assert crash.message
    assert crash.hint


def test_every_crash_has_a_text_that_shows_it() -> None:
    assert {name for name, _ in REAL} == {crash.name for crash in CRASHES}


def test_the_last_line_that_tells_counts_and_the_numbers_are_kept() -> None:
    crash = known_in(["No space left on device", REAL[0][1], "Traceback"])
    assert crash is not None
    assert crash.name == "out of memory"
    assert "1.50 GiB more were wanted, 310.00 MiB of 23.64 GiB were free" in message_of(crash, REAL[0][1])


def test_other_text_is_not_guessed_at() -> None:
    assert known("KeyError: 'rope_theta'") is None
    assert known_in([]) is None
    assert known("step 12/75  epoch 0.48  loss 1.2") is None
