"""What memory is predicted from, against the models that the installed transformers builds: nothing is loaded, they are
built without storage and counted.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from peft.utils import transformers_weight_conversion as weight_conversion
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as IMAGE_TEXT,
)
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

from runner.insight.attention import lacks
from runner.insight.memory.inputs import MemoryInputs
from runner.insight.memory.mixtures import CONVERTED, CONVERTED_NAMES
from runner.insight.memory.reading import READERS, read_architecture
from runner.insight.memory.towers import VISION
from tests import make_defaults
from tests.insight.published_models import Published
from tests.insight.published_towers import PUBLISHED


def built(config: dict[str, Any]) -> Any:
    """The model of a config.json, of the class that a run loads, without storage."""
    figures = dict(config)
    model_type = figures.pop("model_type")
    kind = AutoModelForCausalLM if model_type in CAUSAL else AutoModelForImageTextToText
    with torch.device("meta"):
        return kind.from_config(AutoConfig.for_model(model_type, **figures))


def quantised(model: Any) -> int:
    """Weights that bitsandbytes would pack: what replace_with_bnb_linear replaces."""
    left = get_keys_to_not_convert(model)
    return sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if type(module) is torch.nn.Linear and should_convert_module(name, left)
    )


def adapted(model: Any, r: int) -> int:
    """Parameters of LoRA on every linear layer of the language part but the head, r · (in + out) each; without those
    that PEFT refuses for Falcon-H1, or would move to the experts of a mixture.
    """
    head = model.get_output_embeddings()
    return sum(
        r * (module.in_features + module.out_features)
        for name, module in model.get_decoder().named_modules()
        if type(module) is torch.nn.Linear
        and module is not head
        and not (model.config.model_type == "falcon_h1" and name.endswith("out_proj"))
        and not (model.config.model_type in CONVERTED and name.rpartition(".")[2] in CONVERTED_NAMES)
    )


@pytest.mark.parametrize("model", PUBLISHED, ids=str)
def test_what_is_counted_is_what_transformers_builds(model: Published) -> None:
    one, truth = read_architecture(model.config), built(model.config)
    assert one.parameters == sum(parameter.numel() for parameter in truth.parameters())
    assert one.quantised_parameters == quantised(truth)
    setup = MemoryInputs(one, targets=one.linear_names, r=8)
    assert setup.adapter_parameters == adapted(truth, 8)
    if model.billions:
        assert one.parameters / 1e9 == pytest.approx(model.billions, rel=0.005)


def test_every_family_is_among_them_or_counted_by_its_defaults() -> None:
    assert sum(model.billions > 0 for model in PUBLISHED) >= 25
    named = {str(model.config["model_type"]) for model in PUBLISHED}
    for model_type in sorted({*READERS, *VISION} - named - set(PARTS)):
        if model_type in WITHOUT_DEFAULTS:
            continue
        config = {"model_type": model_type}
        one, truth = read_architecture(config), built(config)
        assert one.parameters == sum(parameter.numel() for parameter in truth.parameters()), model_type
        assert one.quantised_parameters == quantised(truth), model_type


# The text parts of families with a tower have no class of their own; some classes cannot be built from their defaults.
PARTS = ("qwen2_5_vl_text", "qwen2_vl_text", "qwen3_vl_text", "qwen3_vl_moe_text")
WITHOUT_DEFAULTS = {
    "hunyuan_v1_dense": {"head_dim": 128, "num_key_value_heads": 8},
    "ministral": {"head_dim": 128},
    "nemotron": {"head_dim": 128, "num_key_value_heads": 8},
}


@pytest.mark.parametrize("model_type", sorted(WITHOUT_DEFAULTS))
def test_families_without_defaults_of_their_own_are_counted(model_type: str) -> None:
    config = {"model_type": model_type, **WITHOUT_DEFAULTS[model_type]}
    one, truth = read_architecture(config), built(config)
    assert one.parameters == sum(parameter.numel() for parameter in truth.parameters())
    assert one.quantised_parameters == quantised(truth)


def test_a_tower_is_left_out_where_transformers_loads_the_text_class() -> None:
    for model_type, family in VISION.items():
        loads_all = "ConditionalGeneration" in CAUSAL.get(model_type, IMAGE_TEXT[model_type])
        assert loads_all == (family.tower is not None), model_type


def test_the_kernels_of_a_family_are_those_of_its_class() -> None:
    for model_type in {*READERS, *VISION} - set(PARTS):
        kind = getattr(transformers, CAUSAL.get(model_type) or IMAGE_TEXT[model_type])
        assert lacks(model_type, "sdpa") != kind._supports_sdpa, model_type
        assert lacks(model_type, "flash_attention_2") != kind._supports_flash_attn, model_type


def test_what_peft_moves_to_the_experts_is_known() -> None:
    moved = {
        model_type
        for model_type in (*READERS, *VISION)
        if weight_conversion._MODEL_TO_CONVERSION_PATTERN.get(model_type)
        in weight_conversion._MOE_TARGET_MODULE_MAPPING
    }
    names = {name for one in weight_conversion._MOE_TARGET_MODULE_MAPPING.values() for name in one}
    assert frozenset(moved) == CONVERTED
    assert frozenset(names) == CONVERTED_NAMES


def test_the_defaults_are_those_of_the_installed_transformers() -> None:
    assert make_defaults.FILE.read_text(encoding="utf-8") == make_defaults.text()
