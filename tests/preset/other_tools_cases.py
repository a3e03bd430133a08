"""Keys of TRL, transformers, PEFT, Axolotl, LLaMA-Factory and Unsloth, and what must be said of each."""

from __future__ import annotations

from runner.preset.other_tools.said import Kind

CALLED = {
    "model.model_name_or_path": "base_model model_name model_id",
    "model.revision": "revision_of_model model_revision",
    "model.dtype": "torch_dtype infer_dtype",
    "model.chat_template_path": "template chat_template chat_template_jinja",
    "model.attn_implementation": "flash_attn flash_attention sdp_attention eager_attention",
    "quantization.load_in_4bit": "quantization_bit load_in_16bit",
    "quantization.bnb_4bit_use_double_quant": "double_quantization use_bnb_nested_quant",
    "quantization.bnb_4bit_quant_type": "quantization_type",
    "lora.r": "lora_r lora_rank",
    "lora.lora_alpha": "alpha",
    "lora.target_modules": "lora_target lora_target_modules lora_target_linear peft_target_modules",
    "lora.modules_to_save": "lora_modules_to_save additional_target",
    "lora.use_rslora": "peft_use_rslora",
    "lora.use_dora": "peft_use_dora",
    "lora.use_peft": "finetuning_type full_finetuning adapter",
    "train.num_train_epochs": "num_epochs epochs",
    "train.per_device_train_batch_size": "micro_batch_size batch_size per_gpu_train_batch_size",
    "train.gradient_accumulation_steps": "grad_accum accumulate_grad_batches",
    "train.learning_rate": "lr",
    "train.lr_scheduler_type": "lr_scheduler",
    "train.warmup_steps": "warmup_ratio num_warmup_steps",
    "train.optim": "optimizer",
    "train.max_grad_norm": "gradient_clipping",
    "train.max_length": "max_seq_length sequence_len cutoff_len",
    "train.packing": "sample_packing neat_packing",
    "train.seed": "random_state",
    "train.assistant_only_loss": "train_on_inputs train_on_prompt train_on_responses_only train_on_completions",
    "data.assistant_turns": "mask_history last_response_only",
    "train.neftune_noise_alpha": "noisy_embedding_alpha",
    "train.train_sampling_strategy": "group_by_length",
    "train.gradient_checkpointing": "activation_checkpointing disable_gradient_checkpointing "
    "use_gradient_checkpointing",
    "train.on_out_of_memory": "auto_find_batch_size",
    "data.train_dataset": "dataset datasets dataset_name local_dataset",
    "data.eval_dataset": "test_datasets",
    "data.dataset_config_name": "dataset_config subset",
    "data.train_split": "dataset_train_split",
    "data.eval_split": "dataset_test_split",
    "data.eval_fraction": "val_set_size val_size test_split_size",
    "data.max_train_samples": "max_samples",
    "data.mix": "interleave_probs",
    "data.columns": "field_messages field_instruction message_property_mappings dataset_text_field",
    "data.prefer": "ranking chosen_only",
    "data.drop_columns": "remove_columns",
    "data.on_bad_rows": "skip_bad_rows",
    "eval.eval_steps": "evals_per_epoch",
    "eval.per_device_eval_batch_size": "eval_batch_size",
    "eval.sample_max_new_tokens": "eval_max_new_tokens",
    "eval.auto_stop": "early_stopping_patience early_stopping_steps early_stopping_threshold",
    "output.save_steps": "saves_per_epoch",
    "report.report_to": "log_with use_wandb use_tensorboard",
    "report.run_name": "wandb_name",
}

BY_ITSELF = """
bf16 fp16 bf16_full_eval low_cpu_mem_usage device_map lora_on_cpu tokenizer_type use_fast_tokenizer model_type
bnb_4bit_compute_dtype quantization_method upcast_layernorm peft_type task_type lora_task_type fan_in_fan_out
truncation_mode excess_length_strategy eval_packing eval_sample_packing padding_free pad_to_multiple_of
pad_to_sequence_len data_seed completion_only_loss roles_to_train train_on_eos train_on_eot response_template
length_column_name gradient_checkpointing_kwargs use_reentrant_gc use_cache torch_empty_cache_steps stage
mix_strategy dataset_prepared_path tokenized_path overwrite_cache preprocessing_num_workers dataset_num_proc
dataset_kwargs shuffle_merged_datasets shuffle_dataset remove_unused_columns formatting formatting_func tags roles
eval_strategy evaluation_strategy eval_on_start do_eval eval_accumulation_steps prediction_loss_only
metric_for_best_model greater_is_better save_strategy save_safetensors enable_jit_checkpoint output_dir logging_dir
overwrite_output_dir do_train logging_strategy logging_first_step logging_nan_inf_filter plot_loss
include_num_input_tokens_seen skip_memory_metrics log_level disable_tqdm
"""

UNSUPPORTED = """
tf32 rope_scaling special_tokens add_tokens tokens resize_vocab eos_token pad_token hub_token hf_token cache_dir
enable_thinking xformers_attention shift_attn bnb_4bit_quant_storage gptq llm_int8_threshold use_unsloth
gpu_memory_utilization use_liger_kernel enable_liger_kernel lora_mlp_kernel torch_compile init_lora_weights pissa_init
loftq_config layers_to_transform layers_pattern rank_pattern exclude_modules target_parameters lora_model_dir
adapter_name_or_path loraplus_lr_ratio embedding_lr unfrozen_parameters freeze_trainable_layers lr_scheduler_kwargs
cosine_min_lr_ratio adam_beta1 adam_beta2 adam_epsilon optim_args optim_target_modules use_galore use_badam
loss_type label_smoothing_factor curriculum_sampling activation_offloading dataloader_pin_memory
dataloader_prefetch_factor deepspeed fsdp fsdp_config ddp_timeout local_rank sequence_parallel_degree use_cpu no_cuda
plugins dpo_beta pref_loss reward_model pretraining_dataset dataset_dir streaming dataset_shard_num default_system
default_system_message media_dir compute_accuracy predict_with_generate eval_table_size save_only_model
resume_from_checkpoint auto_resume_from_checkpoints push_to_hub hub_model_id hub_strategy export_dir use_mlflow
comet_project_name use_swanlab wandb_project wandb_entity trackio_space_id project full_determinism
"""

BY_VALUE = [
    ("adapter", "qlora", Kind.CALLED, "lora.use_peft: true and quantization.load_in_4bit: true"),
    ("adapter", "lora", Kind.CALLED, "lora.use_peft: true and quantization.load_in_4bit: false"),
    ("adapter", None, Kind.CALLED, "lora.use_peft: false and quantization.load_in_4bit: false"),
    ("finetuning_type", "full", Kind.CALLED, "lora.use_peft: false and quantization.load_in_4bit: false"),
    ("finetuning_type", "freeze", Kind.UNSUPPORTED, ""),
    ("finetuning_type", "oft", Kind.UNSUPPORTED, ""),
    ("quantization_bit", 4, Kind.CALLED, "quantization.load_in_4bit: true"),
    ("quantization_bit", 8, Kind.CALLED, "quantization.load_in_8bit: true and load_in_4bit: false"),
    ("quantization_method", "bnb", Kind.BY_ITSELF, ""),
    ("quantization_method", "hqq", Kind.UNSUPPORTED, ""),
    ("bf16", True, Kind.BY_ITSELF, ""),
    ("bf16", "auto", Kind.BY_ITSELF, ""),
    ("bf16", False, Kind.CALLED, "model.dtype: float32 (or float16)"),
    ("fp16", True, Kind.CALLED, "model.dtype: float16"),
    ("fp16", False, Kind.BY_ITSELF, ""),
    ("flash_attn", "fa2", Kind.CALLED, "model.attn_implementation: flash_attention_2"),
    ("flash_attention", True, Kind.CALLED, "model.attn_implementation: flash_attention_2"),
    ("sdp_attention", True, Kind.CALLED, "model.attn_implementation: sdpa"),
    ("chat_template", "tokenizer_default", Kind.BY_ITSELF, ""),
    ("template", "qwen3", Kind.CALLED, "model.chat_template_path"),
    ("peft_type", "LORA", Kind.BY_ITSELF, ""),
    ("peft_type", "VERA", Kind.UNSUPPORTED, ""),
    ("task_type", "SEQ_CLS", Kind.UNSUPPORTED, ""),
    ("init_lora_weights", True, Kind.BY_ITSELF, ""),
    ("init_lora_weights", "pissa", Kind.UNSUPPORTED, ""),
    ("lora_target_linear", True, Kind.CALLED, "lora.target_modules: all-linear"),
    ("train_on_inputs", False, Kind.CALLED, "train.assistant_only_loss: true"),
    ("train_on_prompt", True, Kind.CALLED, "train.assistant_only_loss: false"),
    ("mask_history", True, Kind.CALLED, "data.assistant_turns: last"),
    ("disable_gradient_checkpointing", True, Kind.CALLED, "train.gradient_checkpointing: false"),
    ("use_gradient_checkpointing", "unsloth", Kind.CALLED, "train.gradient_checkpointing: true"),
    ("group_by_length", True, Kind.CALLED, "train.train_sampling_strategy: group_by_length"),
    ("group_by_length", False, Kind.BY_ITSELF, ""),
    ("stage", "sft", Kind.BY_ITSELF, ""),
    ("stage", "pt", Kind.BY_ITSELF, ""),
    ("stage", "dpo", Kind.UNSUPPORTED, ""),
    ("rl", "dpo", Kind.UNSUPPORTED, ""),
    ("loss_type", "nll", Kind.BY_ITSELF, ""),
    ("loss_type", "dft", Kind.UNSUPPORTED, ""),
    ("truncation_mode", "keep_end", Kind.UNSUPPORTED, ""),
    ("excess_length_strategy", "drop", Kind.UNSUPPORTED, ""),
    ("eval_strategy", "steps", Kind.BY_ITSELF, ""),
    ("eval_strategy", "no", Kind.CALLED, "data.eval_fraction: 0"),
    ("val_set_size", 0.0, Kind.CALLED, "data.eval_fraction: 0"),
    ("push_to_hub", False, Kind.BY_ITSELF, ""),
    ("use_wandb", False, Kind.BY_ITSELF, ""),
    ("resume_from_checkpoint", True, Kind.UNSUPPORTED, ""),
    ("logging_nan_inf_filter", False, Kind.BY_ITSELF, ""),
    ("system", "You are a helper.", Kind.UNSUPPORTED, ""),
    ("system", "keep", Kind.CALLED, "data.system"),
]

# The keys of tests/data/settings, and what must be said of each.
FLAT = {
    "model_name_or_path": "It belongs under model.",
    "dataset_name": "It is called data.train_dataset here.",
    "load_in_4bit": "It belongs under quantization.",
    "use_peft": "It belongs under lora.",
    "lora_r": "It is called lora.r here.",
    "lora_alpha": "It belongs under lora.",
    "lora_target_modules": "It is called lora.target_modules here.",
    "per_device_train_batch_size": "It belongs under train.",
    "gradient_accumulation_steps": "It belongs under train.",
    "learning_rate": "It belongs under train.",
    "warmup_ratio": "It is called train.warmup_steps here. Below 1 it is a share of all steps",
    "num_train_epochs": "It belongs under train.",
    "max_seq_length": "It is called train.max_length here.",
    "bf16": "leave it out: ftui does this by itself (model.dtype: auto",
    "gradient_checkpointing": "It belongs under train.",
    "eval_strategy": "leave it out: ftui does this by itself (at step 0, every eval.eval_steps",
    "eval_steps": "It belongs under eval.",
    "save_strategy": "leave it out: ftui does this by itself (a checkpoint at every evaluation",
    "save_steps": "It belongs under output.",
    "load_best_model_at_end": "It belongs under output.",
    "group_by_length": "Write train.train_sampling_strategy: group_by_length here.",
    "logging_steps": "It belongs under report.",
    "output_dir": "leave it out: ftui does this by itself (each run has a directory of its own",
}
NESTED = {
    "train.warmup_ratio": "It is called train.warmup_steps here. Below 1 it is a share of all steps",
    "train.evals_per_epoch": "It is called eval.eval_steps here. It counts steps",
    "train.group_by_length": "Write train.train_sampling_strategy: group_by_length here.",
    "train.eval_strategy": "leave it out",
    "train.bf16": "leave it out: ftui does this by itself (model.dtype: auto",
    "train.fp16": "leave it out: ftui does this by itself (model.dtype: auto",
    "train.lr_scheduler_type": "'cosine_with_min_lr' is not allowed: write cosine, the nearest",
    "train.adam_beta2": "is not supported here. AdamW has",
    "train.save_only_model": "is not supported here. Checkpoints are whole",
    "train.optim": "'adamw_bnb_8bit' is not allowed: write adamw_8bit, the same under another name",
    "train.use_liger_kernel": "is not supported here.",
    "train.train_on_inputs": "Write train.assistant_only_loss: true here.",
    "train.early_stopping_patience": "It is called eval.auto_stop here. It stops on a verdict",
    "train.resume_from_checkpoint": "is not supported here. `ftui resume RUN`",
    "quantization.quantization_bit": "Write quantization.load_in_4bit: true here.",
    "quantization.bnb_4bit_compute_dtype": "leave it out: ftui does this by itself (4-bit layers compute",
    "lora.lora_target": "It is called lora.target_modules here. Write all-linear.",
    "lora.adapter": "Write lora.use_peft: true and quantization.load_in_4bit: true here.",
    "lora.peft_type": "leave it out: ftui does this by itself (the adapter is LoRA)",
    "lora.target_modules": "'all' is not allowed: write all-linear",
    "lora.init_lora_weights": "is not supported here. An adapter starts",
    "lora.layers_to_transform": "is not supported here. Name them in lora.target_modules",
    "lora.loraplus_lr_ratio": "is not supported here. All trained weights have the one rate",
    "data.val_size": "It is called data.eval_fraction here. It is a share of the rows, below 1.",
    "data.max_samples": "It is called data.max_train_samples here.",
    "data.template": "It is called model.chat_template_path here. A .jinja file",
    "data.preprocessing_num_workers": "leave it out: ftui does this by itself",
    "data.field_messages": "It is called data.columns here.",
    "model.add_tokens": "is not supported here. The model's own tokenizer",
    "model.special_tokens": "is not supported here. The model's own tokenizer",
    "model.rope_scaling": "is not supported here. The model's config.json",
    "model.enable_thinking": "is not supported here. The template is not told of it",
    "model.system": "is not supported here. Give the rows a first turn with the role system.",
    "output.output_dir": "leave it out: ftui does this by itself (each run has a directory of its own",
    "output.save_strategy": "leave it out",
    "output.push_to_hub": "is not supported here. `hf upload",
    "output.hub_model_id": "is not supported here. `hf upload",
    "report.wandb_project": "is not supported here. Set it in the environment",
}
