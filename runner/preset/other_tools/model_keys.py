"""Keys about the base model, its tokenizer, its number format and its quantisation."""

from __future__ import annotations

from runner.preset.other_tools.conversion import TEMPLATE_FILE
from runner.preset.other_tools.said import ByValue, Keys, by_itself, called, unsupported, write

_TOKENIZER = unsupported("The model's own tokenizer is used; change its files in a local copy of the model.")
_HUB_TOKEN = unsupported("Log in with `hf auth login`, or set HF_TOKEN in the environment.")
_DTYPE = by_itself("model.dtype: auto takes the best format of the GPU")
_TEMPLATE = by_itself("the tokenizer's own chat template is used")
_FLASH = write("model.attn_implementation: flash_attention_2")
_SDPA = write("model.attn_implementation: sdpa")
_CONFIG = unsupported("The model's config.json is used; change it in a local copy of the model.")
_BITSANDBYTES = unsupported("Weights are quantised by bitsandbytes alone, see the section quantization.")

KEYS: Keys = {
    "base_model model_name model_id model_path pretrained_model_name_or_path base_model_name_or_path "
    "model_name_or_id model.name model.path model.id": called("model.model_name_or_path"),
    "revision_of_model model_revision": called("model.revision"),
    "torch_dtype compute_dtype model_dtype infer_dtype": called("model.dtype"),
    "bf16 bfloat16 pure_bf16 fp16 float16 half_precision_backend fp16_opt_level fp16_backend": _DTYPE,
    "bf16_full_eval fp16_full_eval eval_fp16": by_itself("evaluations compute as model.dtype says"),
    "tf32": unsupported("Matrices are multiplied in the format of model.dtype."),
    "experimental_skip_move_to_device torchdistx_path low_cpu_mem_usage lora_on_cpu "
    "device_map device gpu_memory_limit max_memory offload_folder": by_itself(
        "the model is loaded onto the one GPU of the run"
    ),
    "base_model_config tokenizer_config tokenizer_type tokenizer_use_fast use_fast_tokenizer use_fast "
    "tokenizer_legacy tokenizer_name tokenizer_name_or_path model_type model_config_type type_of_model "
    "tokenizer_use_mistral_common cls_model_config num_labels "
    "is_llama_derived_model is_falcon_derived_model is_mistral_derived_model is_qwen_derived_model "
    "processor_type": by_itself("model and tokenizer are recognised by their files"),
    "overrides_of_model_config overrides_of_model_kwargs model_config rope_scaling rope_theta rope_freq_base "
    "yarn resize_token_embeddings_to_32x base_model_ignore_patterns moe_aux_loss_coef router_aux_loss_coef "
    "llama4_linearized_experts experts_implementation tiled_mlp ple_cpu_offload diffusion ebft "
    "mixture_of_depths train_from_scratch reinit_weights fix_tokenizer text_only": _CONFIG,
    "special_tokens tokens add_tokens new_tokens add_special_tokens new_special_tokens added_tokens_overrides "
    "added_tokens resize_vocab eos_token pad_token bos_token unk_token split_special_tokens "
    "mean_resizing_embeddings shrink_embeddings": _TOKENIZER,
    "token hf_token hub_token hf_hub_token hf_use_auth_token use_auth_token ms_hub_token": _HUB_TOKEN,
    "cache_dir hf_cache_dir": unsupported("Set HF_HOME in the environment."),
    "use_exact_model_name": by_itself("the model is the one that is named"),
    "chat_template template prompt_template prompt_style chat_template_name conversation_template": called(
        "model.chat_template_path", "A .jinja file; unset: the tokenizer's own.", TEMPLATE_FILE
    ),
    "chat_template_jinja jinja_template_path": called(
        "model.chat_template_path", "It takes a .jinja file.", TEMPLATE_FILE
    ),
    "field_thinking template_thinking_key "
    "enable_thinking reasoning_effort chat_template_args chat_template_kwargs": unsupported(
        "The template is not told of it: the rows decide, with reasoning in their answers or without."
    ),
    "tool_format eot_tokens replace_eos efficient_eos replace_jinja_template mapping_template stop_words": _TEMPLATE,
    # Attention
    "flash_attn flash_attention attention attn use_flash_attention use_flash_attention_2 use_flash_attn "
    "attention_type": called("model.attn_implementation"),
    "sdp_attention": _SDPA,
    "eager_attention": write("model.attn_implementation: eager"),
    "xformers_attention xformers sage_attention flex_attention s2_attention shift_attn flash_attn_cross_entropy "
    "flash_attn_rms_norm flash_attn_fuse_mlp flash_attn_fuse_qkv flex_attn_compile_kwargs gemma4_hybrid_attn_impl": (
        unsupported("model.attn_implementation takes sdpa, flash_attention_2 or eager.")
    ),
    # Quantisation
    "quantization_bit load_in quantization.bits": called(
        "quantization.load_in_4bit", "For 8 bits set quantization.load_in_8bit instead."
    ),
    "load_in_16bit": write("quantization.load_in_4bit: false"),
    "double_quantization use_bnb_nested_quant bnb_4bit_double_quant use_double_quant double_quant "
    "use_nested_quant": called("quantization.bnb_4bit_use_double_quant"),
    "quantization_type quant_type bnb_quant_type quantization.type": called(
        "quantization.bnb_4bit_quant_type"
    ),
    "bnb_4bit_compute_dtype": by_itself("4-bit layers compute as model.dtype says"),
    "bnb_4bit_quant_storage": unsupported(
        "It matters to weights that are divided among GPUs; a run uses one."
    ),
    "quantization_method quant_method": by_itself("bitsandbytes quantises"),
    "gptq gptq_disable_exllama awq hqq eetq aqlm quantization_device_map quantize_moe_experts qat quantization_aware "
    "gptq_groupsize gptq_model_v1 model_quantization_config model_quantization_config_kwargs llmcompressor "
    "fp8_backend fp8_enable_fsdp_float8_all_gather nvfp4_merge_aware dsv4_fp4_grouped_mode "
    "fp8 enable_fp8 fp8_config fp8_recipe load_in_fp8 bitnet": _BITSANDBYTES,
    "llm_int8_threshold llm_int8_skip_modules llm_int8_enable_fp32_cpu_offload llm_int8_has_fp16_weight": unsupported(
        "LLM.int8 has the settings that bitsandbytes gives it."
    ),
    "upcast_layernorm upcast_lmhead_output upcast_attention pure_fp16": by_itself(
        "weights that are not quantised are as model.dtype says"
    ),
    # Unsloth, and answers by a server
    "use_unsloth unsloth unsloth_cross_entropy_loss unsloth_lora_mlp unsloth_lora_qkv unsloth_lora_o "
    "unsloth_rms_norm unsloth_rope use_unsloth_gc": unsupported(
        "The trainer is TRL's, without Unsloth's kernels."
    ),
    "fast_inference gpu_memory_utilization infer_backend float8_kv_cache disable_log_stats offload_embedding "
    "vllm use_vllm vllm_enforce_eager": unsupported("ftui trains; it serves no answers."),
    "use_liger_kernel enable_liger_kernel liger_kernel_config liger_rope liger_rms_norm liger_layer_norm "
    "liger_glu_activation liger_swiglu liger_cross_entropy liger_fused_linear_cross_entropy liger_use_token_scaling "
    "cut_cross_entropy cut_cross_entropy_fused use_kernels chunked_cross_entropy fused_attn_kernel "
    "liger_rms_norm_gated use_liger use_v1_kernels use_kt use_scattermoe use_sonicmoe use_dsv4_kernels "
    "use_glm_dsa_kernels flash_optimum bias_activation_fusion apply_rope_fusion moe_grouped_gemm "
    "moe_token_dispatcher_type lora_mlp_kernel lora_qkv_kernel lora_o_kernel lora_embedding_kernel": unsupported(
        "The layers are those of transformers; they learn the same."
    ),
    "torch_compile torch_compile_backend torch_compile_mode torchdynamo jit_mode_eval use_ipex kernelize": unsupported(
        "Layers are not compiled."
    ),
    "model_init_kwargs model_kwargs": called(
        "model", "Its keys have the names that model and quantization give them."
    ),
}

_LOAD_8BIT = write("quantization.load_in_8bit: true and load_in_4bit: false")
_SWITCH_FLASH = {"true": _FLASH, "false": _SDPA}

BY_VALUE: ByValue = {
    "bf16 bfloat16": {"false": write("model.dtype: float32 (or float16)", "auto takes the best of the GPU.")},
    "pure_bf16": {"true": write("model.dtype: bfloat16")},
    "fp16 float16": {"true": write("model.dtype: float16", "auto takes it where the GPU has no bfloat16.")},
    "chat_template template": dict.fromkeys(
        ("tokenizer_default", "tokenizer_default_fallback_chatml", "default", "null"), _TEMPLATE
    )
    | {"jinja": by_itself("a .jinja file in model.chat_template_path is enough")},
    "flash_attn flash_attention attention attn attention_type": {
        "fa2": _FLASH,
        "fa3": _FLASH,
        "disabled": write("model.attn_implementation: eager"),
        "auto": by_itself("model.attn_implementation: sdpa is fast and always there"),
        **_SWITCH_FLASH,
    },
    "use_flash_attention use_flash_attention_2 use_flash_attn": _SWITCH_FLASH,
    "sdp_attention eager_attention": {
        "false": by_itself("model.attn_implementation names the one kernel that is used")
    },
    "quantization_bit load_in quantization.bits": {
        "4": write("quantization.load_in_4bit: true"),
        "8": _LOAD_8BIT,
        "null": write("quantization.load_in_4bit: false"),
    },
    "load_in_16bit": {"false": by_itself("quantization says how weights are stored")},
    "quantization_method quant_method": dict.fromkeys(
        ("hqq", "eetq", "gptq", "awq", "aqlm", "fp8", "mxfp4", "torchao"), _BITSANDBYTES
    ),
    "use_liger_kernel enable_liger_kernel use_unsloth torch_compile": {
        "false": by_itself("it is never on"),
    },
}
