"""Models with a vision tower, experts or layers without attention, trained on text for real: tiny ones, made here, of
the classes that people fine-tune; and repositories that are quantised already.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors import safe_open

from runner.check.model_config import read_model_config
from runner.data.errors import TrainingError
from runner.preset import files
from runner.preset.schema import Preset
from runner.store.history import read_history
from runner.train import model
from tests.train.conftest import Trained

# The demo's tokenizer has 576 tokens; the highest are never in its text.
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 600,
}
MROPE = {"rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4}}
VIT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
QWEN_VIT = {"depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 64, "out_hidden_size": 64}
QWEN_TOKENS = {
    "image_token_id": 590,
    "video_token_id": 591,
    "vision_start_token_id": 592,
    "vision_end_token_id": 593,
}
TINY: dict[str, dict[str, Any]] = {
    "gemma3": {
        "text_config": TEXT,
        "vision_config": {**VIT, "vision_use_head": False},
        "image_token_index": 590,
        "mm_tokens_per_image": 1,
    },
    "gemma4": {
        "text_config": {
            **TEXT,
            "global_head_dim": 32,
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 600,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        "vision_config": {**VIT, "num_key_value_heads": 2, "head_dim": 16, "position_embedding_size": 64},
        "audio_config": None,
        "image_token_id": 590,
        "video_token_id": 591,
        "audio_token_id": 592,
    },
    "qwen2_5_vl": {"text_config": {**TEXT, **MROPE}, "vision_config": QWEN_VIT, **QWEN_TOKENS},
    "qwen3_vl": {
        "text_config": {**TEXT, **MROPE},
        "vision_config": {**QWEN_VIT, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
        **QWEN_TOKENS,
    },
    "mistral3": {
        "text_config": {**TEXT, "model_type": "mistral"},
        "vision_config": {**VIT, "model_type": "pixtral"},
        "image_token_index": 590,
        "tie_word_embeddings": False,
    },
    "llama4": {
        "text_config": {**TEXT, "intermediate_size_mlp": 96, "num_local_experts": 4, "pad_token_id": 0},
        "vision_config": {
            **VIT,
            "vision_output_dim": 64,
            "projector_input_dim": 32,
            "projector_output_dim": 64,
        },
    },
    "qwen3_5": {
        "text_config": {
            **TEXT,
            "linear_num_value_heads": 4,
            "linear_num_key_heads": 2,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
            "layer_types": ["linear_attention", "full_attention"],
        },
        "vision_config": {**QWEN_VIT, "num_position_embeddings": 16},
        **QWEN_TOKENS,
    },
}
# Without a tower: experts, and layers without attention.
OTHERS: dict[str, dict[str, Any]] = {
    "qwen3_moe": {**TEXT, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    "phimoe": {**TEXT, "num_local_experts": 4, "num_experts_per_tok": 2},
    "lfm2": {**TEXT, "full_attn_idxs": [1]},
    "granitemoehybrid": {
        **TEXT,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "shared_intermediate_size": 32,
        "mamba_n_heads": 8,
        "mamba_d_head": 16,
        "mamba_d_state": 16,
        "layer_types": ["linear_attention", "full_attention"],
    },
    "falcon_h1": {**TEXT, "mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 16},
}
FEW = (
    "train.max_steps=2",
    "eval.eval_steps=2",
    "data.max_train_samples=16",
    "eval.max_eval_samples=4",
    "train.gradient_accumulation_steps=1",
    "eval.answer_rows=1",
    "eval.sample_max_new_tokens=2",
)


def made(folder: Path, model_type: str) -> Path:
    """A tiny model with random weights, and the demo's tokenizer beside it."""
    torch.manual_seed(0)
    figures = json.loads(json.dumps({**TINY, **OTHERS}[model_type]))
    config = transformers.AutoConfig.for_model(model_type, **figures)
    kind = (
        transformers.AutoModelForImageTextToText if model_type in TINY else transformers.AutoModelForCausalLM
    )
    whole = kind.from_config(config)
    whole.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        source = files.shipped_folder() / "demo" / "model" / name
        if source.is_file():
            shutil.copy(source, folder / name)
    return folder


def preset_of(home: Path, folder: Path, *overrides: str) -> Preset:
    return files.load("demo", home, [f"model.model_name_or_path={folder}", *overrides]).preset


@pytest.mark.slow
@pytest.mark.parametrize("model_type", sorted([*TINY, *OTHERS]))
def test_text_trains_the_language_part_in_4_bits(trained: Trained, tmp_path: Path, model_type: str) -> None:
    """With gradient checkpointing, two rows of different lengths, an evaluation, an answer and a sample."""
    folder = made(tmp_path / "model", model_type)
    run = trained(*FEW, f"model.model_name_or_path={folder}", "train.gradient_checkpointing=true")
    history = read_history(run)
    assert history.end["status"] == "finished"
    assert all(math.isfinite(loss) and loss > 0 for loss in history.train.loss)
    assert all(norm > 0 for norm in history.train.grad_norm)
    assert [point.step for point in history.evals["val"]] == [0, 2]
    with safe_open(run.adapter / "adapter_model.safetensors", "pt") as saved:
        keys = list(saved.keys())
        assert all(saved.get_tensor(key).abs().sum() > 0 for key in keys)
    assert keys
    assert not any(
        word in key for key in keys for word in ("vision", "visual", "projector", "router", "lm_head")
    )
    one = read_model_config(str(folder), "main").architecture
    assert one is not None
    assert history.plan["trainable_parameters"] == sum(
        16 * times * (linear.inputs + linear.outputs) for times, linear in one.linears if linear.adapted
    )


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["gemma3", "qwen2_5_vl"])
def test_full_fine_tuning_leaves_the_tower_alone(trained: Trained, tmp_path: Path, model_type: str) -> None:
    folder = made(tmp_path / "model", model_type)
    run = trained(
        *FEW,
        f"model.model_name_or_path={folder}",
        "quantization.load_in_4bit=false",
        "lora.use_peft=false",
    )
    history = read_history(run)
    one = read_model_config(str(folder), "main").architecture
    assert history.end["status"] == "finished"
    assert one is not None
    assert history.plan["trainable_parameters"] == one.language_parameters


def test_named_layers_are_not_taken_in_the_tower_either(home: Path, tmp_path: Path) -> None:
    """Qwen2.5-VL's vision part has a gate_proj too."""
    from peft import get_peft_model

    folder = made(tmp_path / "model", "qwen2_5_vl")
    preset = preset_of(home, folder, "lora.target_modules=[gate_proj]")
    base = model.load_model(preset)
    adapted = get_peft_model(base, model.lora_config(preset, base))
    names = {name for name, _ in adapted.named_parameters() if "lora_A" in name}
    assert len(names) == 2
    assert all("language_model" in name for name in names)


# Repositories that are quantised already


@pytest.fixture
def stored(home: Path, tmp_path: Path) -> Path:
    """The demo's model as a repository of 4-bit weights with double quantisation."""
    preset = files.load("demo", home).preset
    folder = tmp_path / "stored"
    model.load_model(preset).save_pretrained(folder)
    for path in Path(preset.model.model_name_or_path).glob("*token*"):
        shutil.copy(path, folder / path.name)
    for path in Path(preset.model.model_name_or_path).glob("*.jinja"):
        shutil.copy(path, folder / path.name)
    return folder


@pytest.mark.slow
def test_a_stored_4_bit_repository_is_read_predicted_and_trained(trained: Trained, stored: Path) -> None:
    one = read_model_config(str(stored), "main").architecture
    assert one is not None and one.stored is not None
    assert one.stored.quantization == "nf4-dq"
    run = trained(*FEW, f"model.model_name_or_path={stored}")
    history = read_history(run)
    assert history.end["status"] == "finished"
    assert all(norm > 0 for norm in history.train.grad_norm)


def test_stored_weights_are_those_that_loading_would_make(home: Path, stored: Path) -> None:
    ids = torch.arange(2, 22).unsqueeze(0)
    fresh = model.load_model(files.load("demo", home).preset).eval()
    again = model.load_model(preset_of(home, stored)).eval()
    assert again.is_loaded_in_4bit
    with torch.no_grad():
        assert torch.allclose(fresh(input_ids=ids).logits, again(input_ids=ids).logits, atol=1e-5)


def test_stored_weights_say_what_they_are_whatever_the_preset_says(home: Path, stored: Path) -> None:
    """A second quantization_config would be refused or passed over in silence."""
    preset = preset_of(home, stored, "quantization.load_in_4bit=false", "quantization.load_in_8bit=true")
    assert model.load_model(preset).is_loaded_in_4bit


def test_the_trainer_refuses_what_the_check_refuses(home: Path, stored: Path) -> None:
    config = json.loads((stored / "config.json").read_text())
    full = preset_of(home, stored, "quantization.load_in_4bit=false", "lora.use_peft=false")
    with pytest.raises(TrainingError, match="stored quantised"):
        model.load_model(full)
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (stored / "config.json").write_text(json.dumps(config))
    with pytest.raises(TrainingError, match="gptq"):
        model.load_model(preset_of(home, stored))
