"""Training scripts: literal arguments of known calls are read; nothing of a script is ever run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.configs.meaning import Fate
from tests.configs.made import SCRIPT, fate, line, read

# As tutorials write it.
TUTORIAL = """\
import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer

MODEL = "a/b"
RANK = 8
ARGUMENTS = {"num_train_epochs": 2, "logging_steps": 5}
LENGTH: int = 1536
raise SystemExit("a script that is run ends here")

bnb_config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=bnb_config, device_map="auto")
tokenizer = AutoTokenizer.from_pretrained(MODEL)
lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=["q_proj"], task_type="CAUSAL_LM")
train_dataset = load_dataset("json", data_files="rows/train.jsonl", split="train")
eval_dataset = load_dataset("json", data_files="rows/eval.jsonl", split="train")
trainer = SFTTrainer(
    model=model,
    tokenizer=tokenizer,
    train_dataset=train_dataset,
    eval_dataset=eval_dataset,
    peft_config=lora,
    args=SFTConfig(learning_rate=1e-4, max_seq_length=LENGTH, warmup_steps=-1 + 2, **ARGUMENTS),
    callbacks=[EarlyStoppingCallback(early_stopping_patience=3)],
)
"""


def test_a_script_as_tutorials_write_it(tmp_path: Path) -> None:
    found = read(tmp_path, TUTORIAL, "train.py")
    wanted = {
        "model.model_name_or_path": "a/b",
        "quantization.load_in_4bit": True,
        "lora.use_peft": True,
        "lora.r": 8,
        "lora.target_modules": ["q_proj"],
        "train.learning_rate": 1e-4,
        "train.num_train_epochs": 2.0,
        "train.max_length": 1536,
        "report.logging_steps": 5,
        "data.train_dataset": str(tmp_path / "rows/train.jsonl"),
        "data.eval_dataset": str(tmp_path / "rows/eval.jsonl"),
        # Of the calls' own defaults
        "quantization.bnb_4bit_use_double_quant": False,
        "train.per_device_train_batch_size": 8,
    }
    assert {name: found.settings.get(name) for name in wanted} == wanted


def test_what_only_a_run_would_tell_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, TUTORIAL, "train.py")
    for key, ours in (
        ("LoraConfig.lora_alpha", "lora.lora_alpha"),
        ("SFTConfig.warmup_steps", "train.warmup_steps"),
    ):
        assert fate(found, key) is Fate.NO_COUNTERPART
        assert f"set {ours} yourself" in line(found, key).words
    assert fate(found, "SFTTrainer.args") is Fate.BY_ITSELF


def test_nothing_is_run_or_imported(tmp_path: Path) -> None:
    marker = tmp_path / "was-run"
    attack = (
        f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n__import__('os').system('touch {marker}')\n"
    )
    found = read(tmp_path, attack + SCRIPT, "train.py")
    assert found.settings["train.learning_rate"] == 1e-4
    assert not marker.exists()


@pytest.mark.parametrize(
    ("rows", "learning_rate"),
    [
        ("LR = 3e-4\nSFTConfig(learning_rate=LR)\n", 3e-4),
        ("LR = 3e-4\nLR = 5e-4\nSFTConfig(learning_rate=LR)\n", 5e-4),
        ("SFTConfig(learning_rate=LR)\nLR = 3e-4\n", None),
        ("LR = float('3e-4')\nSFTConfig(learning_rate=LR)\n", None),
        ("LR, B = 3e-4, 2\nSFTConfig(learning_rate=LR)\n", None),
        ("def make(LR):\n    return SFTConfig(learning_rate=LR)\n", None),
        ("LR = 3e-4\ndef make(LR):\n    return SFTConfig(learning_rate=LR)\n", None),
        ("LR = 3e-4\nif big:\n    LR = 1e-5\nSFTConfig(learning_rate=LR)\n", None),
        ("if big:\n    LR = 1e-5\nelse:\n    LR = 3e-4\nSFTConfig(learning_rate=LR)\n", None),
        ("LR = 3e-4\nLR *= 2\nSFTConfig(learning_rate=LR)\n", None),
        ("LR = 3e-4\nfor LR in (1e-5, 2e-5):\n    SFTConfig(learning_rate=LR)\n", None),
        ("if __name__ == '__main__':\n    LR = 3e-4\n    SFTConfig(learning_rate=LR)\n", 3e-4),
        ("import trl\ntrl.SFTConfig(learning_rate=3e-4)\n", 3e-4),
        ("class A:\n    def train(self):\n        self.args = SFTConfig(learning_rate=3e-4)\n", 3e-4),
    ],
)
def test_names_stand_for_what_they_were_set_to_before(
    tmp_path: Path, rows: str, learning_rate: float | None
) -> None:
    found = read(tmp_path, rows, "train.py")
    given = line(found, "SFTConfig.learning_rate")
    assert given.settings.get("train.learning_rate") == learning_rate


def test_arguments_inside_a_mapping_are_read(tmp_path: Path) -> None:
    text = "SFTConfig(model_init_kwargs={'attn_implementation': 'eager', 'torch_dtype': torch.float16, 'x': 1})\n"
    found = read(tmp_path, text, "train.py")
    assert found.settings["model.attn_implementation"] == "eager"
    assert found.settings["model.dtype"] == "float16"
    assert fate(found, "SFTConfig.model_init_kwargs.x") is Fate.UNKNOWN
    found = read(tmp_path, "SFTConfig(model_init_kwargs=[])\n", "train.py")
    assert fate(found, "SFTConfig.model_init_kwargs") is Fate.NO_COUNTERPART


def test_of_unsloth_its_own_defaults_hold(tmp_path: Path) -> None:
    text = (
        "from unsloth import FastLanguageModel\n"
        "model, tokenizer = FastLanguageModel.from_pretrained('a/b')\n"
        "model = FastLanguageModel.get_peft_model(model)\n"
        "rows = load_dataset('c/d', split='train')\n"
        "trainer = train_on_responses_only(trainer, instruction_part='<u>', response_part='<a>')\n"
    )
    found = read(tmp_path, text, "train.py")
    assert found.settings["lora.lora_alpha"] == 16
    assert found.settings["lora.use_peft"] is True
    assert found.settings["train.assistant_only_loss"] is True
    assert "Unsloth's default" in next(one.words for one in found.lines if one.key == "lora_alpha")
