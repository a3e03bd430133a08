"""Published models with a vision tower, and all published models together."""

from __future__ import annotations

from tests.insight.published_models import DENSE, HEAD, HYBRIDS, MIXTURES, TIED, UNTIED, Published, text_part

SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
    "vision_use_head": False,
}
QWEN3_VISION = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16}

TOWERS = (
    Published(
        "gemma-3-4b",
        {
            "model_type": "gemma3",
            "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34},
            "vision_config": SIGLIP,
        },
        4.300,
    ),
    Published(
        "Qwen2.5-VL-7B",
        {
            **text_part("3584 18944 28 28 4 152064", model_type="qwen2_5_vl", **UNTIED),
            "vision_config": {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584},
        },
        8.292,
    ),
    Published(
        "Qwen2-VL-2B",
        {
            **text_part("1536 8960 28 12 2 151936", model_type="qwen2_vl", **TIED),
            "vision_config": {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4},
        },
        2.209,
    ),
    Published(
        "Qwen3-VL-8B",
        {
            "model_type": "qwen3_vl",
            "text_config": text_part("4096 12288 36 32 8 151936", model_type="qwen3_vl_text", **HEAD),
            "vision_config": {**QWEN3_VISION, "out_hidden_size": 4096},
            **UNTIED,
        },
        8.767,
    ),
    Published(
        "Qwen3-VL-30B-A3B",
        {
            "model_type": "qwen3_vl_moe",
            "text_config": text_part(
                "2048 6144 48 32 4 151936",
                model_type="qwen3_vl_moe_text",
                num_experts=128,
                num_experts_per_tok=8,
                moe_intermediate_size=768,
                **HEAD,
            ),
            "vision_config": {**QWEN3_VISION, "out_hidden_size": 2048},
            **UNTIED,
        },
        31.07,
    ),
    Published(
        "Mistral-Small-3.1-24B",
        {
            "model_type": "mistral3",
            "text_config": text_part("5120 32768 40 32 8 131072", model_type="mistral", **HEAD),
            "vision_config": {
                "model_type": "pixtral",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "patch_size": 14,
            },
            **UNTIED,
        },
        24.01,
    ),
    Published(
        "llava-1.5-7b",
        {
            "model_type": "llava",
            "text_config": text_part("4096 11008 32 32 32 32064", model_type="llama"),
            "vision_config": {
                "model_type": "clip_vision_model",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": 336,
                "patch_size": 14,
            },
        },
        7.063,
    ),
    Published(
        "SmolVLM2-2.2B",
        {
            "model_type": "smolvlm",
            "text_config": text_part("2048 8192 24 32 32 49280", model_type="llama"),
            "vision_config": {
                "model_type": "smolvlm_vision",
                "hidden_size": 1152,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "image_size": 384,
                "patch_size": 14,
            },
            "scale_factor": 3,
        },
        2.247,
    ),
    Published(
        "InternVL3-8B",
        {
            "model_type": "internvl",
            "text_config": text_part("3584 18944 28 28 4 151674", model_type="qwen2", **UNTIED),
            "vision_config": {
                "model_type": "internvl_vision",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": [448, 448],
                "patch_size": [14, 14],
                "attention_bias": True,
            },
            **UNTIED,
        },
        7.943,
    ),
    Published("LFM2-VL by its class's own figures", {"model_type": "lfm2_vl"}),
    Published(
        "Llama-4-Scout, of which the text class is loaded",
        {
            "model_type": "llama4",
            "text_config": text_part(
                "5120 8192 48 40 8 202048", model_type="llama4_text", num_local_experts=16
            ),
            "vision_config": {"model_type": "llama4_vision_model"},
        },
        107.77,
    ),
    Published("Qwen3.5 by its class's own figures", {"model_type": "qwen3_5"}),
    Published("Qwen3.5 with experts by its class's own figures", {"model_type": "qwen3_5_moe"}),
    Published(
        "the shape of a small Gemma 4 with vision and audio",
        {
            "model_type": "gemma4",
            "text_config": text_part(
                "1536 6144 35 8 1 262144",
                model_type="gemma4_text",
                num_kv_shared_layers=20,
                use_double_wide_mlp=True,
                head_dim=256,
            ),
            "vision_config": {"model_type": "gemma4_vision"},
            "audio_config": {"model_type": "gemma4_audio"},
        },
    ),
    Published(
        "the shape of a large Gemma 4 with vision alone",
        {
            "model_type": "gemma4",
            "text_config": text_part(
                "2560 10240 42 8 2 262144", model_type="gemma4_text", num_kv_shared_layers=18, head_dim=256
            ),
            "vision_config": {"model_type": "gemma4_vision", "hidden_size": 1152, "num_hidden_layers": 27},
        },
    ),
)
PUBLISHED = (*DENSE, *MIXTURES, *HYBRIDS, *TOWERS)
