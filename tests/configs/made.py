"""Configs written for one test, and what is read from them."""

from __future__ import annotations

from pathlib import Path

from runner.configs.line import Line
from runner.configs.meaning import Fate
from runner.configs.proposal import Proposal, propose

AXOLOTL = "base_model: a/b\nsequence_len: 1024\nmicro_batch_size: 2\nlearning_rate: 1e-4\nadapter: qlora\n"
LLAMA_FACTORY = (
    "model_name_or_path: a/b\nstage: sft\nfinetuning_type: lora\ncutoff_len: 1024\ntemplate: qwen\n"
)
TRL = "model_name_or_path: a/b\nuse_peft: true\ndataset_name: c/d\nassistant_only_loss: true\n"
UNSLOTH = "model: a/b\ndata:\n  dataset: c/d\ntraining:\n  max_seq_length: 1024\n  num_epochs: 2\nlora:\n  lora_r: 8\n"
SCRIPT = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM
from trl import SFTConfig

model = AutoModelForCausalLM.from_pretrained("a/b")
train = load_dataset("c/d", split="train")
args = SFTConfig(learning_rate=1e-4)
"""


def read(folder: Path, text: str, name: str = "config.yaml", said: str | None = None) -> Proposal:
    """What a file of this text is read as."""
    path = folder / name
    path.write_text(text)
    return propose(path, said)


def line(found: Proposal, key: str) -> Line:
    """The one line on a key, that of the file before a default."""
    lines = [one for one in found.lines if one.key == key]
    assert lines, f"nothing is said of {key}"
    return lines[0]


def fate(found: Proposal, key: str) -> Fate:
    return line(found, key).fate
