"""A model's shape out of its config.json: which family it is of, and which part of the file says what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.insight.memory.architecture import Architecture, NotCoveredError
from runner.insight.memory.config_figures import Figures
from runner.insight.memory.dense import DENSE, read_dense
from runner.insight.memory.hybrids import HYBRIDS
from runner.insight.memory.mixtures import MIXTURES
from runner.insight.memory.stored import stored_quantization
from runner.insight.memory.towers import TOWER_KEYS, VISION, Parts

READERS = {**dict.fromkeys(DENSE, read_dense), **MIXTURES, **HYBRIDS}
# Whose text part is tied when its own config says so, beside the top; BC code of transformers' config classes.
TIED_BY_TEXT = frozenset({"llava", "qwen2_5_vl", "qwen2_vl"})


def read_architecture(config: Mapping[str, Any]) -> Architecture:
    """The shape in a config.json. Raises NotCoveredError for unknown families and figures that are missing or make no
    sense.
    """
    model_type = str(config.get("model_type") or "")
    one = _with_tower(config, model_type) if model_type in VISION else _text_alone(config, model_type)
    stored = stored_quantization(config)
    if stored is not None and model_type in ("llama4", "llama4_text"):
        raise NotCoveredError("the experts of a quantised llama4 are not modelled")
    return one if stored is None else replace(one, stored=stored)


def _text_alone(config: Mapping[str, Any], model_type: str) -> Architecture:
    if any(config.get(key) for key in TOWER_KEYS):
        raise NotCoveredError(f"{model_type} has a vision or audio tower, whose memory is not modelled")
    text = config.get("text_config")
    if text is not None and not isinstance(text, Mapping):
        raise NotCoveredError("its config.json says a text_config that is no object")
    if isinstance(text, Mapping):
        config = {**config, **text}
        model_type = str(config.get("model_type", model_type))
    return _read(config, model_type)


def _read(config: Mapping[str, Any], model_type: str) -> Architecture:
    if model_type not in READERS:
        raise NotCoveredError(f"the family {model_type or 'of this model'!r} is not modelled")
    f = Figures(config, model_type)
    one = READERS[model_type](f)
    positions = f.get("max_position_embeddings")
    known = isinstance(positions, int) and not isinstance(positions, bool) and positions >= 1
    return replace(one, max_positions=positions if known else None)


def _with_tower(config: Mapping[str, Any], model_type: str) -> Architecture:
    """The language part of a model with a tower, and the tower where the class that is loaded has it. Older files say
    the figures of the language part at their top.
    """
    family = VISION[model_type]
    text = config.get("text_config")
    nested = isinstance(text, Mapping)
    if not nested:
        text = {key: value for key, value in config.items() if key != "model_type"}
    assert isinstance(text, Mapping)
    text_type = str(text.get("model_type") or family.text)
    if text_type == model_type or text_type not in READERS:
        text_type = text_type if nested and text_type not in (model_type, *VISION) else family.text
    one = replace(_read(text, text_type), model_type=model_type)
    if family.tower is None:
        return one
    vision = config.get("vision_config")
    if vision is None and model_type == "gemma4":
        return replace(one, tied=_is_tied(config, text, model_type))
    if vision is None and model_type not in ("llava", "mistral3"):
        # Both have defaults of their own for it; of the others it is what their vision class takes for itself.
        vision = {}
    if not isinstance(vision, Mapping):
        raise NotCoveredError(f"its config.json says nothing of the vision part of {model_type}")
    # Some vision parts are named after the family, and older files leave the name out.
    if (named := vision.get("model_type")) not in (None, "", model_type, family.vision):
        raise NotCoveredError(
            f"{model_type} with a vision part of the kind {str(named)[:30]!r} is not modelled"
        )
    parts = Parts(config, Figures(vision, family.vision), one.hidden)
    return replace(one, tower=family.tower(parts), tied=_is_tied(config, text, model_type))


def _is_tied(config: Mapping[str, Any], text: Mapping[str, Any], model_type: str) -> bool:
    """Whether output head and embeddings are one, which the top of the file says. Of a top that says nothing and a text
    part that says no, the weights decide: transformers leaves a head that differs alone.
    """
    said, inner = config.get("tie_word_embeddings"), text.get("tie_word_embeddings")
    if said is None:
        top = Figures({}, model_type).flag("tie_word_embeddings")
        return bool(inner) if inner is not None and (top or model_type in TIED_BY_TEXT) else top
    return bool(said) or (model_type in TIED_BY_TEXT and bool(inner))
