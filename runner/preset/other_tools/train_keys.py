"""Keys about how weights are moved: batch, rate, schedule, optimizer, length, loss, memory, several GPUs."""

from __future__ import annotations

from runner.preset.other_tools.conversion import OPPOSITE, SHARE_OF_STEPS
from runner.preset.other_tools.said import ByValue, Keys, by_itself, called, code, unsupported, write

_ONE_GPU = unsupported("A run uses one GPU; `--gpu` chooses it.")
_ADAM = unsupported("AdamW has the trainer's own: betas 0.9 and 0.999, epsilon 1e-8.")
_OPTIMIZER = unsupported("train.optim lists the optimizers there are.")
_SCHEDULE = unsupported("A schedule has no settings of its own beside train.warmup_steps.")
_NLL = unsupported("The loss is the mean negative log-likelihood of the learned tokens.")
_CHECKPOINTING = called("train.gradient_checkpointing")
_LEARNED_INVERTED = called(
    "train.assistant_only_loss", "It says the opposite: true learns answers only.", OPPOSITE
)
SUPERVISED = unsupported("ftui trains on given answers (supervised); use TRL itself for this.")
_PADDING = by_itself("rows are padded to the longest of their batch; train.packing joins them")
_LOADER = unsupported("Of the loader train.dataloader_num_workers can be set.")

KEYS: Keys = {
    "epochs num_epochs epoch n_epochs max_epochs num_train_epoch": called("train.num_train_epochs"),
    "total_steps max_train_steps num_steps iters": called("train.max_steps"),
    "batch_size micro_batch_size train_batch_size bs per_gpu_train_batch_size per_device_batch_size "
    "train_micro_batch_size_per_gpu device_batch_size": called(
        "train.per_device_train_batch_size", "It counts one forward pass."
    ),
    "global_batch_size effective_batch_size total_batch_size": unsupported(
        "It is train.per_device_train_batch_size × train.gradient_accumulation_steps."
    ),
    "grad_accum gradient_accumulation grad_acc_steps accumulation grad_accumulation_steps accumulate_grad_batches "
    "accumulation_steps gradient_accumulation_step": called("train.gradient_accumulation_steps"),
    "lr init_lr peak_lr base_lr": called("train.learning_rate"),
    "lr_scheduler scheduler lr_schedule lr_scheduler_name scheduler_type": called("train.lr_scheduler_type"),
    "warmup_ratio warmup_proportion lr_warmup_ratio": called(
        "train.warmup_steps", "Below 1 it is a share of all steps, else a count.", SHARE_OF_STEPS
    ),
    "warmup num_warmup_steps lr_warmup_steps": called(
        "train.warmup_steps", "Below 1 it is a share of all steps, else a count."
    ),
    "lr_scheduler_kwargs lr_scheduler_args cosine_min_lr_ratio cosine_constant_lr_ratio lr_div_factor min_lr "
    "min_lr_ratio lr_min log_sweep_min_lr log_sweep_max_lr lr_end num_cycles lr_decay_steps decay_steps "
    "lr_quadratic_warmup eta_min": _SCHEDULE,
    "optimizer optimizer_name optim_type": called("train.optim"),
    "adam_beta1 adam_beta2 adam_beta3 adam_epsilon adam_epsilon2 adam_eps beta1 beta2 eps betas optim_args": _ADAM,
    "optim_target_modules optimizer_cls_and_kwargs use_galore galore_target galore_rank galore_update_interval "
    "galore_scale galore_proj_type galore_layerwise use_apollo apollo_target apollo_rank apollo_update_interval "
    "apollo_scale use_badam badam_mode badam_switch_mode badam_switch_interval badam_update_ratio use_adam_mini "
    "apollo_layerwise apollo_scale_type badam_verbose use_distributed_optimizer "
    "use_muon dion_lr dion_momentum": _OPTIMIZER,
    "grad_clip gradient_clipping max_norm clip_grad_norm gradient_clip_val grad_norm_clip": called(
        "train.max_grad_norm"
    ),
    "wd decay": called("train.weight_decay"),
    "max_seq_length max_seq_len sequence_len cutoff_len context_length seq_length seq_len model_max_length "
    "block_size max_sequence_length": called("train.max_length"),
    "max_prompt_length max_completion_length max_source_length max_target_length eval_sequence_len "
    "min_sample_len prediction_length": unsupported("train.max_length limits the whole row, its end is cut."),
    "truncation_mode truncation excess_length_strategy truncation_side": by_itself(
        "rows over train.max_length are cut at the end and counted"
    ),
    "sample_packing neat_packing pack enable_packing multipack": called(
        "train.packing", "It goes best with model.attn_implementation: flash_attention_2."
    ),
    "sample_packing_group_size sample_packing_bin_size sample_packing_sequentially sample_packing_mp_start_method "
    "max_packed_sequence_len sample_packing_eff_est sample_packing_seq_len_multiplier total_num_tokens "
    "multipack_real_batches batch_flattening sample_packing_drop_attention_mask": unsupported(
        "train.packing_strategy says how rows are packed."
    ),
    "packing_mode pack_strategy": called("train.packing_strategy"),
    "eval_packing eval_sample_packing": by_itself("held-out rows are never packed, so that losses compare"),
    "padding_free pad_to_multiple_of pad_to_sequence_len pad_to_max_length padding padding_side "
    "use_padding_free": _PADDING,
    "seed_value random_state random_seed": called("train.seed"),
    "data_seed train_seed": by_itself("train.seed is also that of the rows"),
    "full_determinism deterministic": unsupported(
        "train.seed repeats a run up to what GPU kernels leave open."
    ),
    # What is learned
    "train_on_inputs train_on_prompt train_on_prompts train_on_input train_on_source": _LEARNED_INVERTED,
    "train_on_responses_only train_on_completions train_on_completions_only assistant_loss_only "
    "only_train_on_completions mask_prompt mask_inputs": called("train.assistant_only_loss"),
    "completion_only_loss": by_itself("of prompt and completion only the completion is learned"),
    "mask_history last_response_only train_last_turn_only only_last_turn": called(
        "data.assistant_turns", "It takes auto, all or last."
    ),
    "roles_to_train train_on_eos train_on_eot train_on_split response_template instruction_template instruction_part "
    "response_part message_field_training message_field_training_detail force_match": by_itself(
        "answers and the token that ends them are learned"
    ),
    "loss_type label_smoothing_factor use_dft_loss use_eaft_loss eaft_alpha loss_scale ignore_pad_token_for_loss "
    "use_asft_loss asft_alpha use_eaft eaft_k center_rewards_coefficient compute_loss_func entropy_coef": _NLL,
    "neftune neftune_alpha noisy_embedding_alpha use_neftune": called("train.neftune_noise_alpha"),
    "group_by_length length_grouped": write("train.train_sampling_strategy: group_by_length"),
    "sampling_strategy sampler": called("train.train_sampling_strategy"),
    "length_column_name": by_itself("lengths are known from the tokens"),
    "curriculum_sampling disable_shuffling sequential_sampling dont_shuffle": unsupported(
        "Rows come in random order, or grouped by length (train.train_sampling_strategy)."
    ),
    # Memory and speed
    "activation_checkpointing checkpointing enable_gradient_checkpointing": _CHECKPOINTING,
    "use_gradient_checkpointing": called("train.gradient_checkpointing", "It takes true or false."),
    "disable_gradient_checkpointing": called(
        "train.gradient_checkpointing", "It says the opposite.", OPPOSITE
    ),
    "gradient_checkpointing_kwargs activation_checkpointing_kwargs use_reentrant_gc use_reentrant "
    "gradient_checkpointing_use_reentrant": by_itself("checkpointing is the trainer's, not reentrant"),
    "activation_offloading layer_offloading offload_activations": unsupported(
        "Less memory: train.per_device_train_batch_size smaller, accumulation as much larger."
    ),
    "auto_find_batch_size": called("train.on_out_of_memory", "replan keeps the effective batch."),
    "torch_empty_cache_steps gc_steps gc_collect_steps": by_itself(
        "the allocator's segments grow, so that memory is not split up"
    ),
    "use_cache": by_itself("it is off in training"),
    "dataloader_workers num_workers workers": called("train.dataloader_num_workers"),
    "dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor dataloader_drop_last "
    "dataloader_in_order dataloader_multiprocessing_context accelerator_config": _LOADER,
    # Several GPUs, other devices
    "deepspeed fsdp fsdp_config fsdp_version fsdp_final_state_dict_type ddp ddp_timeout ddp_bucket_cap_mb "
    "ddp_broadcast_buffers ddp_find_unused_parameters ddp_static_graph ddp_backend local_rank world_size "
    "num_processes num_gpus n_gpu gpus nproc_per_node tensor_parallel_size sequence_parallel_degree "
    "context_parallel_size dp_shard_size dp_replicate_size expert_parallel_size heads_k_stride "
    "ring_attn_func parallelism_config average_tokens_across_devices log_on_each_node save_on_each_node use_ray "
    "tensor_model_parallel_size sequence_parallel pipeline_model_parallel_size expert_model_parallel_size "
    "fsdp_transformer_layer_cls_to_wrap overlap_param_gather overlap_grad_reduce recompute_granularity "
    "expert_parallel_num_nvl_bytes expert_parallel_token_capacity "
    "ignore_bias_buffers ray_num_workers ray_run_name ray_scope resources_per_worker placement_strategy": _ONE_GPU,
    "use_cpu no_cuda use_mps_device": unsupported("`--gpu cpu` trains on the CPU."),
    "gpu gpu_id gpu_ids cuda_visible_devices visible_devices": unsupported("`--gpu` chooses the GPU."),
    # Kinds of training
    "stage rl trainer_type rlhf_type": by_itself("ftui trains on given answers, supervised"),
    "trainer_cls plugins custom_trainer_cls": code("The trainer is TRL's SFTTrainer."),
    "trl": unsupported("The trainer is TRL's SFTTrainer."),
    "beta dpo_beta orpo_alpha rl_beta kto_desirable_weight kto_undesirable_weight simpo_gamma pref_beta pref_ftx "
    "pref_loss pref_bco_weight dpo_label_smoothing dpo_use_weighting cpo_alpha ppo_score_norm reward_model ref_model "
    "reward_model_type ref_model_adapters reward_model_adapters num_generations process_reward_model "
    "precompute_ref_log_probs kl_coef reward_funcs": SUPERVISED,
    "pretraining_dataset pretrain_multipack_attn pretrain_multipack_buffer_size": unsupported(
        "Rows with `text` are learned whole: name them in data.train_dataset."
    ),
}

_INVERTED = {
    "false": write("train.assistant_only_loss: true"),
    "true": write("train.assistant_only_loss: false"),
}
_NEVER = {"false": by_itself("it is never on"), "null": by_itself("it is never on")}
_NLL_IS_IT = by_itself("the loss is the mean negative log-likelihood")

BY_VALUE: ByValue = {
    "train_on_inputs train_on_prompt train_on_prompts train_on_input train_on_source": _INVERTED,
    "disable_gradient_checkpointing": {
        "true": write("train.gradient_checkpointing: false"),
        "false": write("train.gradient_checkpointing: true"),
    },
    "use_gradient_checkpointing": {"unsloth": write("train.gradient_checkpointing: true")},
    "mask_history last_response_only train_last_turn_only only_last_turn": {
        "true": write("data.assistant_turns: last"),
        "false": write("data.assistant_turns: all"),
    },
    "group_by_length length_grouped": {"false": by_itself("train.train_sampling_strategy: random")},
    "auto_find_batch_size": {
        "true": by_itself("train.on_out_of_memory: replan keeps the effective batch"),
        "false": write("train.on_out_of_memory: fail"),
    },
    "neftune use_neftune": {"false": by_itself("train.neftune_noise_alpha is empty")},
    "loss_type": {"nll": _NLL_IS_IT, "chunked_nll": _NLL_IS_IT},
    "stage": {
        "sft": by_itself("it is supervised"),
        "pt": by_itself("rows with text are learned whole"),
    }
    | dict.fromkeys(("rm", "ppo", "dpo", "kto", "orpo", "grpo"), SUPERVISED),
    "rl trainer_type rlhf_type": dict.fromkeys(
        ("dpo", "ppo", "kto", "orpo", "ipo", "simpo", "grpo", "gdpo", "rm", "reward"), SUPERVISED
    ),
    "truncation_mode": {"keep_end": unsupported("Rows over train.max_length are cut at the end.")},
    "truncation_side": {"left": unsupported("Rows over train.max_length are cut at the end.")},
    "excess_length_strategy": {
        "drop": unsupported("Rows over train.max_length are cut at the end; `ftui check` names them."),
        "raise": unsupported("Rows over train.max_length are cut at the end; `ftui check` names them."),
    },
    "no_cuda use_cpu": {"false": by_itself("a GPU is used where there is one")},
    "full_determinism use_galore use_apollo use_badam use_adam_mini use_muon activation_offloading": _NEVER,
}
