"""Vision and audio towers: what they hold beside the language part, and where the language part is.

A tower is loaded with its model and never run on text, so it costs its weights and nothing else. bitsandbytes packs its
linear layers like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.insight.memory.architecture import NotCoveredError, Tower
from runner.insight.memory.config_figures import Figures

RGB = 3
# config.json says these of parts that are neither read nor written as text.
TOWER_KEYS = ("vision_config", "audio_config", "vit_config", "speech_config")


@dataclass(frozen=True)
class Parts:
    """The parts of a config.json: vision over its defaults, its own top, and the width of the language part."""

    top: Mapping[str, Any]
    vision: Figures
    hidden: int

    def top_count(self, key: str, default: int) -> int:
        """A whole number at the top of config.json. Raises NotCoveredError."""
        return Figures({key: self.top.get(key, default)}, "").count(key)


def _square(f: Figures, key: str) -> int:
    """A length that may be given as a pair; both sides of it are taken to be one. Raises NotCoveredError."""
    value = f.get(key)
    if isinstance(value, list) and value:
        value = value[0]
    return Figures({key: value}, "").count(key)


def _transformer(h: int, f: int, count: int, norm: int, bias: int = 1, gated: bool = False) -> Tower:
    """Layers of attention and MLP; `norm` weights of each of its two norms an element, `bias` 1 with biases."""
    linear = 4 * h * h + (3 if gated else 2) * h * f
    biases = bias * (4 * h + ((2 * f + h) if gated else (f + h)))
    return Tower(count * linear, count * (biases + 2 * norm * h))


def _add(one: Tower, linear: int, other: int = 0) -> Tower:
    return Tower(one.linear + linear, one.other + other)


def siglip(p: Parts) -> Tower:
    """Gemma 3: SigLIP with or without its pooling head, a projection that is a bare tensor."""
    one = _siglip(p.vision)
    h = p.vision.count("hidden_size")
    return _add(one, 0, h * p.hidden + h)


def _siglip(v: Figures) -> Tower:
    h, f, patch = v.count("hidden_size"), v.count("intermediate_size"), _square(v, "patch_size")
    positions = (_square(v, "image_size") // patch) ** 2
    one = _transformer(h, f, v.layers(), norm=2)
    one = _add(one, 0, h * RGB * patch * patch + h + positions * h + 2 * h)
    return _with_pooling_head(one, v) if v.flag("vision_use_head") else one


def _with_pooling_head(one: Tower, v: Figures) -> Tower:
    """A probe that attends to all patches (torch's MultiheadAttention, which is no Linear), and an MLP."""
    h, f = v.count("hidden_size"), v.count("intermediate_size")
    return _add(one, 2 * h * f, h + 4 * h * h + 4 * h + 2 * h + f + h)


def idefics3(p: Parts) -> Tower:
    """SmolVLM and Idefics 3: SigLIP without a head, and one projection of shuffled pixels."""
    v, scale = p.vision, p.top_count("scale_factor", 2)
    h, f, patch = v.count("hidden_size"), v.count("intermediate_size"), _square(v, "patch_size")
    one = _transformer(h, f, v.layers(), norm=2)
    positions = (_square(v, "image_size") // patch) ** 2
    return _add(one, h * scale * scale * p.hidden, h * RGB * patch * patch + h + positions * h + 2 * h)


def clip(p: Parts) -> Tower:
    """LLaVA: CLIP, and two projections."""
    v = p.vision
    h, f, patch = v.count("hidden_size"), v.count("intermediate_size"), _square(v, "patch_size")
    positions = (_square(v, "image_size") // patch) ** 2 + 1
    one = _add(_transformer(h, f, v.layers(), norm=2), 0, h + h * RGB * patch * patch + positions * h + 4 * h)
    layers = p.top.get("vision_feature_layer", -2)
    many = len(layers) if isinstance(layers, list) else 1
    biases = 2 * p.hidden if p.top.get("multimodal_projector_bias", True) else 0
    return _add(one, h * many * p.hidden + p.hidden * p.hidden, biases)


def siglip2(p: Parts) -> Tower:
    """LFM2-VL: SigLIP 2, whose patches pass a Linear, and two projections."""
    v = p.vision
    h, f, patch = v.count("hidden_size"), v.count("intermediate_size"), _square(v, "patch_size")
    one = _add(
        _transformer(h, f, v.layers(), norm=2),
        RGB * patch * patch * h,
        h + v.count("num_patches") * h + 2 * h,
    )
    if v.flag("vision_use_head"):
        one = _with_pooling_head(one, v)
    factor, wide = p.top_count("downsample_factor", 2), p.top_count("projector_hidden_size", 2560)
    inside = h * factor * factor
    normed = 2 * inside if p.top.get("projector_use_layernorm", True) else 0
    biases = wide + p.hidden if p.top.get("projector_bias", True) else 0
    return _add(one, inside * wide + wide * p.hidden, normed + biases)


def internvl(p: Parts) -> Tower:
    """InternVL: ViT with scaled residuals, a projection of shuffled pixels."""
    v = p.vision
    h, f, patch, count = (
        v.count("hidden_size"),
        v.count("intermediate_size"),
        _square(v, "patch_size"),
        v.layers(),
    )
    positions = (_square(v, "image_size") // patch) ** 2 + 1
    biases = (3 * h if v.flag("attention_bias") else 0) + h + f + h
    if v.flag("use_qk_norm"):
        biases += 2 * h
    norm = 1 if v.get("norm_type") == "rms_norm" else 2
    one = Tower(count * (4 * h * h + 2 * h * f), count * (biases + 2 * h + 2 * norm * h))
    embedded = h + h * RGB * patch * patch + h
    if v.flag("use_absolute_position_embeddings"):
        embedded += positions * h
    if not v.flag("use_mean_pooling"):
        embedded += norm * h
    ratio = p.top.get("downsample_ratio", 0.5)
    if not isinstance(ratio, float) or not 0 < ratio <= 1:
        raise NotCoveredError(f"its config.json says downsample_ratio: {str(ratio)[:30]}")
    inside = h * int(1 / ratio) ** 2
    return _add(one, inside * p.hidden + p.hidden**2, embedded + 2 * inside + 2 * p.hidden)


def pixtral(p: Parts) -> Tower:
    """Mistral 3: Pixtral without biases, neighbouring patches merged, two projections."""
    v, merge = p.vision, p.top_count("spatial_merge_size", 2)
    h, f, patch = v.count("hidden_size"), v.count("intermediate_size"), _square(v, "patch_size")
    one = _transformer(h, f, v.layers(), norm=1, bias=0, gated=True)
    biases = 2 * p.hidden if p.top.get("multimodal_projector_bias") else 0
    projections = merge * merge * h * h + h * p.hidden + p.hidden * p.hidden
    return _add(one, projections, h * RGB * patch * patch + h + h + biases)


def _qwen_patches(v: Figures, h: int) -> int:
    patch, together = _square(v, "patch_size"), _square(v, "temporal_patch_size")
    return v.count("in_channels") * together * patch * patch * h


def qwen2_vl(p: Parts) -> Tower:
    """Qwen2-VL: LayerNorms, an MLP four times as wide, a merger of four patches."""
    v = p.vision
    h, out, merge = v.count("embed_dim"), v.count("hidden_size"), v.count("spatial_merge_size") ** 2
    one = _transformer(h, v.count("mlp_ratio") * h, v.count("depth"), norm=2)
    inside = h * merge
    return _add(one, inside * inside + inside * out, _qwen_patches(v, h) + 2 * h + inside + out)


def qwen2_5_vl(p: Parts) -> Tower:
    """Qwen2.5-VL: RMS norms and a gated MLP."""
    v = p.vision
    h, out, merge = v.count("hidden_size"), v.count("out_hidden_size"), v.count("spatial_merge_size") ** 2
    one = _transformer(h, v.count("intermediate_size"), v.count("depth"), norm=1, gated=True)
    inside = h * merge
    return _add(one, inside * inside + inside * out, _qwen_patches(v, h) + h + inside + out)


def qwen3_vl(p: Parts) -> Tower:
    """Qwen3-VL: learned positions, and a merger for each layer whose output is passed to the language part."""
    v = p.vision
    h, out, merge = v.count("hidden_size"), v.count("out_hidden_size"), v.count("spatial_merge_size") ** 2
    deep = len(v.indices("deepstack_visual_indexes"))
    one = _transformer(h, v.count("intermediate_size"), v.count("depth"), norm=2)
    inside = h * merge
    merger = inside * inside + inside * out
    biases = inside + out
    aside = _qwen_patches(v, h) + h + v.count("num_position_embeddings") * h
    return _add(one, (1 + deep) * merger, aside + (1 + deep) * biases + 2 * h + deep * 2 * inside)


def gemma4(p: Parts) -> Tower:
    """Gemma 4: four norms a layer and normed queries and keys; in the small sizes an audio tower beside it."""
    v = p.vision
    h, f, heads, head_dim = (
        v.count(key) for key in ("hidden_size", "intermediate_size", "num_attention_heads", "head_dim")
    )
    k, count, patch = v.count("num_key_value_heads") * head_dim, v.layers(), _square(v, "patch_size")
    linear = 2 * h * heads * head_dim + 2 * h * k + 3 * h * f
    one = Tower(count * linear, count * (4 * h + 2 * head_dim))
    # The last module of all is left alone by bitsandbytes: with vision alone, the projection to the language part.
    audio = p.top.get("audio_config")
    one = _add(one, RGB * patch * patch * h, 2 * v.count("position_embedding_size") * h)
    if not isinstance(audio, Mapping):
        return _add(one, 0, h * p.hidden)
    heard = _gemma4_audio(Figures(audio, "gemma4_audio"), p.hidden)
    return Tower(one.linear + h * p.hidden + heard.linear, one.other + heard.other)


def _gemma4_audio(a: Figures, hidden: int) -> Tower:
    h, heads, kernel = a.count("hidden_size"), a.count("num_attention_heads"), a.count("conv_kernel_size")
    channels, out = a.indices("subsampling_conv_channels"), a.count("output_proj_dims")
    if len(channels) != 2:
        raise NotCoveredError(f"its config.json says subsampling_conv_channels: {channels}")
    first, second = channels
    attention = 5 * h * h
    feed = 2 * 8 * h * h
    light = 3 * h * h
    other = h // heads + 3 * h + 2 * 2 * h + kernel * h + 2 * h
    subsampled = 9 * first + 9 * first * second + first + second
    linear = a.layers() * (attention + feed + light) + (first // 4) * second * h + h * out
    return Tower(linear, a.layers() * other + subsampled + out + out * hidden)


TowerReader = Callable[[Parts], Tower]


@dataclass(frozen=True)
class VisionFamily:
    """A family with a tower: the vision part's model_type for its defaults, what it holds (None: the class that is
    loaded leaves it out), and the text part's model_type where config.json does not say it.
    """

    vision: str
    tower: TowerReader | None
    text: str = ""


# Of those without a tower here transformers has a class of the language part alone, which AutoModelForCausalLM loads.
VISION: dict[str, VisionFamily] = {
    "gemma3": VisionFamily("siglip_vision_model", siglip, "gemma3_text"),
    "gemma4": VisionFamily("gemma4_vision", gemma4, "gemma4_text"),
    "idefics3": VisionFamily("idefics3_vision", idefics3, "llama"),
    "internvl": VisionFamily("internvl_vision", internvl, "qwen2"),
    "lfm2_vl": VisionFamily("siglip2_vision_model", siglip2, "lfm2"),
    "llama4": VisionFamily("llama4_vision_model", None, "llama4_text"),
    "llava": VisionFamily("clip_vision_model", clip, "llama"),
    "mistral3": VisionFamily("pixtral", pixtral, "mistral"),
    "qwen2_5_vl": VisionFamily("qwen2_5_vl_vision", qwen2_5_vl, "qwen2_5_vl_text"),
    "qwen2_vl": VisionFamily("qwen2_vl_vision", qwen2_vl, "qwen2_vl_text"),
    "qwen3_5": VisionFamily("qwen3_5_vision", None, "qwen3_5_text"),
    "qwen3_5_moe": VisionFamily("qwen3_5_moe_vision", None, "qwen3_5_moe_text"),
    "qwen3_vl": VisionFamily("qwen3_vl_vision", qwen3_vl, "qwen3_vl_text"),
    "qwen3_vl_moe": VisionFamily("qwen3_vl_moe_vision", qwen3_vl, "qwen3_vl_moe_text"),
    "smolvlm": VisionFamily("smolvlm_vision", idefics3, "llama"),
}
