"""Values that other tools give to settings of ours, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

_ADAMW = "adamw_torch_fused, the usual AdamW"
_ADAMW_8BIT = "adamw_8bit, the same under another name"
_BFLOAT16, _FLOAT16, _FLOAT32 = "bfloat16", "float16", "float32"
_COSINE = "cosine, the nearest; it falls to zero"
_STEPS = "a whole number of steps, or auto; shares of a run are not counted"

INSTEAD: Mapping[str, Mapping[str, str]] = {
    "train.optim": {
        "adamw adam adamw_hf adamw_apex_fused adamw_torch_xla adamw_torch_npu_fused adam_w torch_adamw "
        "adamw_anyprecision adamw_mini optimi_adamw": _ADAMW,
        "adamw_bnb_8bit adamw8bit adam_8bit adam8bit bnb_adamw_8bit": _ADAMW_8BIT,
        "adamw_torch_8bit adamw_torch_4bit ao_adamw_8bit ao_adamw_4bit ao_adamw_fp8 ademamix ademamix_8bit": (
            "adamw_8bit, the nearest"
        ),
        "paged_adamw pagedadamw_32bit": "paged_adamw_32bit",
        "paged_ademamix_32bit paged_ademamix_8bit": "paged_adamw_8bit, the nearest",
        "lion lion_32bit paged_lion_32bit paged_lion_8bit lion_pytorch": "lion_8bit, the nearest",
        "adagrad rmsprop rmsprop_bnb rmsprop_bnb_8bit rmsprop_bnb_32bit galore_adamw galore_adamw_8bit "
        "galore_adafactor galore_adamw_layerwise galore_adamw_8bit_layerwise galore_adafactor_layerwise lomo "
        "adalomo grokadamw schedule_free_radam schedule_free_adamw schedule_free_sgd apollo_adamw "
        "apollo_adamw_layerwise stable_adamw muon dion came_pytorch sophia lamb prodigy": _ADAMW,
    },
    "train.lr_scheduler_type": {
        "cosine_with_min_lr cosine_warmup_with_min_lr cosine_with_restarts one_cycle cosine_annealing "
        "cosine_with_warmup cosine_with_hard_restarts": _COSINE,
        "linear_with_warmup rex log_sweep linear_decay": "linear, the nearest",
        "warmup_stable_decay wsd reduce_lr_on_plateau greedy": "constant_with_warmup, the nearest",
    },
    "train.gradient_checkpointing": {"unsloth offload offload_disk": "true"},
    "train.packing_strategy": {"wrapped": "bfd_split, which divides only rows that are too long"},
    "train.train_sampling_strategy": {
        "sequential": "random, or group_by_length",
        "batch_rebalance": "group_by_length, the nearest",
    },
    "train.max_length": {"null": "a number of tokens; rows that are longer are cut"},
    "model.attn_implementation": {
        "flash_attn flash_attention fa2 flash_attn_2 flash_attention_3 fa3 flash_attention_4 flash "
        "kernels-community/flash-attn kernels-community/flash-attn2 kernels-community/flash-attn3 "
        "kernels-community/vllm-flash-attn3": "flash_attention_2",
        "auto flex_attention xformers sage": "sdpa",
        "disabled vanilla": "eager",
    },
    "model.dtype": {
        "bf16 torch.bfloat16 bf": _BFLOAT16,
        "fp16 torch.float16 half torch.half": _FLOAT16,
        "fp32 torch.float32 float": _FLOAT32,
        "null": "auto",
    },
    "lora.target_modules": {"all all_linear linear all-linear-layers true": "all-linear"},
    "lora.bias": {"false null": "none", "true": "all"},
    "quantization.bnb_4bit_quant_type": {"int4 4bit nf": "nf4"},
    "report.report_to": {
        "none null false no": "[], which is no tracker",
        "all": "[tensorboard, wandb, trackio], or those that you use",
        "mlflow comet comet_ml swanlab neptune clearml azure_ml dvclive flyte codecarbon": (
            "one or several of tensorboard, wandb, trackio"
        ),
    },
    "eval.eval_steps": {
        "0 null": "a whole number from 1 or auto; data.eval_fraction: 0 is for no evaluations"
    },
    "output.save_steps": {"0 null": "auto"},
    "output.save_total_limit": {"null": "a number; the best checkpoint is kept in any case"},
    "eval.auto_stop": {"true": "critical or warning", "false": "never"},
}
# Where other tools take a text, with commas between several.
LISTS = ("lora.target_modules", "lora.modules_to_save", "report.report_to")
# Where a number below 1 is a share of all steps in TRL and Axolotl.
SHARES = dict.fromkeys(("eval.eval_steps", "output.save_steps", "report.logging_steps"), _STEPS)
