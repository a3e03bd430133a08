"""Keys about which weights are trained: the adapter, other kinds of adapters, and training without one."""

from __future__ import annotations

from runner.preset.other_tools.conversion import COMMA_TARGETS, COMMAS, TARGETS
from runner.preset.other_tools.said import ByValue, Keys, by_itself, called, unsupported, write

_OTHER_KIND = unsupported("The adapter is LoRA, with lora.use_rslora or lora.use_dora.")
_START = unsupported("An adapter starts so that it changes nothing (B is zero).")
_NEW_ADAPTER = unsupported("A run starts with an adapter of its own; `ftui resume` goes on with a run's.")
_LAYERS = unsupported("Name them in lora.target_modules, for example layers.0.self_attn.q_proj.")
_PART = unsupported("lora.use_peft: false trains every weight, and true those of the adapter.")
_FULL = write("lora.use_peft: false and quantization.load_in_4bit: false")
_ONE_RATE = unsupported("All trained weights have the one rate, train.learning_rate.")

KEYS: Keys = {
    "lora_r lora_rank rank lora_dim": called("lora.r"),
    "alpha": called("lora.lora_alpha"),
    "dropout": called("lora.lora_dropout"),
    "lora_bias": called("lora.bias"),
    "lora_target": called("lora.target_modules", by=COMMA_TARGETS),
    "lora_target_modules lora_target_linear peft_target_modules lora_modules target_module "
    "lora.target lora.modules lora.targets": called("lora.target_modules", by=TARGETS),
    "lora_modules_to_save additional_target peft_modules_to_save": called(
        "lora.modules_to_save", "It takes a list.", COMMAS
    ),
    "peft_use_rslora rslora use_rs_lora": called("lora.use_rslora"),
    "peft_use_dora dora": called("lora.use_dora"),
    "adapter finetuning_type tuner_type train_type peft_method": called(
        "lora.use_peft", "true trains a LoRA adapter, false every weight."
    ),
    "use_lora lora_enable enable_lora": called("lora.use_peft"),
    "full_finetuning full_finetune": _FULL,
    "peft_type peft_version": by_itself("the adapter is LoRA"),
    "task_type lora_task_type auto_mapping inference_mode": by_itself("the task is a causal language model"),
    "init_lora_weights peft_init_lora_weights lora_init pissa_init pissa_iter pissa_convert loftq_config eva_config "
    "corda_config lora_ga_config loftq use_loftq pissa": _START,
    "layers_to_transform layers_pattern peft_layers_to_transform peft_layers_pattern layer_replication "
    "exclude_modules lora_layers_to_transform target_parameters lora_target_parameters rank_pattern "
    "alpha_pattern lora_exclude_modules": _LAYERS,
    "use_qalora qalora_group_size velora_config arrow_config kasa_config alora_invocation_tokens use_bdlora "
    "megatron_config megatron_core ensure_weight_tying trainable_token_indices peft_trainable_token_indices "
    "monteclora_config runtime_config oft_rank oft_block_size oft_target module_dropout use_llama_pro "
    "prompt_tuning num_virtual_tokens peft_autocast_adapter_dtype vera peft use_onebitllms": _OTHER_KIND,
    "fan_in_fan_out lora_fan_in_fan_out": by_itself("PEFT knows how a layer holds its weights"),
    "lora_model_dir adapter_name_or_path adapter_path adapter_folder create_new_adapter "
    "lora_weights merge_lora adapter_model": _NEW_ADAPTER,
    "loraplus_lr_ratio loraplus_lr_embedding loraplus_lr lora_plus embedding_lr embedding_lr_scale lr_groups "
    "embedding_learning_rate": _ONE_RATE,
    "unfrozen_parameters freeze_trainable_layers freeze_trainable_modules freeze_extra_modules "
    "freeze_vision_tower freeze_multi_modal_projector lisa_n_layers lisa_step_interval lisa_layers_attribute "
    "relora relora_steps relora_prune_ratio relora_cpu_offload jagged_restart_warmup_steps "
    "jagged_restart_anneal_steps freeze_mm_modules freeze_language_model finetune_vision_layers "
    "finetune_language_layers finetune_attention_modules finetune_mlp_modules vision_all_linear "
    "jagged_restart_steps max_lora_rank num_layer_trainable": _PART,
}

_TARGETS = {"true": write("lora.target_modules: all-linear")}

BY_VALUE: ByValue = {
    "adapter": {
        "qlora": write("lora.use_peft: true and quantization.load_in_4bit: true"),
        "lora": write("lora.use_peft: true and quantization.load_in_4bit: false"),
    },
    "adapter finetuning_type tuner_type train_type peft_method": {
        "lora": write("lora.use_peft: true"),
        "qlora": write("lora.use_peft: true and quantization.load_in_4bit: true"),
        "dora": write("lora.use_dora: true"),
        "full": _FULL,
        "null": _FULL,
        "none": _FULL,
        "freeze": _PART,
    }
    | dict.fromkeys(("oft", "vera", "ia3", "adalora", "llama-adapter", "prompt", "longlora"), _OTHER_KIND),
    "full_finetuning full_finetune": {"false": write("lora.use_peft: true")},
    "peft_type": dict.fromkeys(
        ("oft", "boft", "vera", "ia3", "adalora", "loha", "lokr", "prefix_tuning", "prompt_tuning"),
        _OTHER_KIND,
    ),
    "task_type lora_task_type": dict.fromkeys(
        ("seq_cls", "token_cls", "seq_2_seq_lm", "feature_extraction", "question_ans"),
        unsupported("ftui trains causal language models."),
    ),
    "init_lora_weights peft_init_lora_weights": {
        "true": by_itself("B is zero, so the adapter changes nothing")
    },
    "pissa_init": {"false": by_itself("B is zero, so the adapter changes nothing")},
    "lora_target_linear": {
        **_TARGETS,
        "false": by_itself("lora.target_modules names the layers"),
    },
    "lora_bias": {"false": by_itself("lora.bias: none")},
}
