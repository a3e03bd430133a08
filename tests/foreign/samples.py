"""What the samples of tests/data/foreign say, by their names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.foreign.conftest import ROOT

SAMPLES = ROOT / "tests" / "data" / "foreign"
LOOP = {"loss": "metrics/nll"}


@dataclass(frozen=True)
class Right:
    """What a sample says: kind, first and last train step, how many, of how many, and more where it matters."""

    kind: str
    first: int
    last: int
    count: int
    total: int | None = None
    is_over: bool = False
    begins_at: int | None = None
    # Set: (how many, step and loss of the last one).
    evals: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    # Metric: its last value.
    metrics: dict[str, float] = field(default_factory=dict)
    eval_metrics: dict[str, float] = field(default_factory=dict)
    last_loss: float | None = None
    nan_hidden: bool = True
    names: dict[str, str] = field(default_factory=dict)


G = {f"g{k}": (31, 12030, loss) for k, loss in enumerate([2.7487, 4.1004, 4.4024, 4.6825, 4.5235, 4.8351])}
RIGHT = {
    "torchtitan.log": Right(
        "training loop's log", 22, 24, 3, begins_at=22, last_loss=6.1861, nan_hidden=False
    ),
    "maxtext.log": Right("training loop's log", 8, 9, 2, begins_at=8, last_loss=10.374, nan_hidden=False),
    "litgpt-older.log": Right(
        "training loop's log",
        220,
        603,
        7,
        begins_at=220,
        evals={"val": (1, 223, 1.7258)},
        last_loss=0.2746,
        nan_hidden=False,
    ),
    "llama2-accessory.log": Right(
        "training loop's log",
        1480,
        1524,
        6,
        begins_at=1480,
        last_loss=1.034,
        nan_hidden=False,
        names={"loss": "closs"},
    ),
    "nanogpt-bare-steps.log": Right(
        "nanoGPT log",
        1,
        600,
        8,
        evals={"val": (3, 600, 4.4125), "train_probe": (3, 600, 4.4019)},
        last_loss=4.3125,
        nan_hidden=False,
    ),
    "bars-middle-of-run.log": Right("console log", 2564, 2569, 6, 10485, begins_at=2564),
    "bars-two-digit-epochs.log": Right(
        "console log", 10, 1200, 120, 6000, evals={"val": (3, 1200, 1.122)}, last_loss=0.9967
    ),
    "converged-to-zero.log": Right("console log", 1, 22, 22, last_loss=0.0),
    "curly-quotes.log": Right("console log", 1, 12, 12, last_loss=1.6139),
    "dpo-saturated.log": Right(
        "console log", 9, 61, 53, begins_at=9, metrics={"rewards/margins": 39.6, "rewards/accuracies": 1.0}
    ),
    "eval-nan.log": Right("console log", 1, 80, 80, evals={"val": (4, 80, math.nan)}),
    "finished-below-total.json": Right("Trainer state", 10, 120, 12, 125, is_over=True),
    "finished-console.log": Right(
        "console log", 10, 180, 18, 181, is_over=True, evals={"val": (1, 100, 0.4173)}
    ),
    "grpo-first-steps.json": Right(
        "Trainer state", 1, 5, 5, 250, metrics={"reward": 0.4375, "kl": 0.0003436}, last_loss=0.0
    ),
    "grpo-rewards.json": Right(
        "Trainer state",
        10,
        250,
        25,
        250,
        is_over=True,
        metrics={
            "reward": 1.5109,
            "kl": 0.02124,
            "rewards/int_reward_func": 0.34375,
            "completion_length": 340.375,
        },
        last_loss=0.0008,
    ),
    "grpo-table.txt": Right(
        "results table",
        1,
        3,
        3,
        20,
        is_over=True,
        metrics={"reward": 0.375, "completions/mean_length": 171.0},
    ),
    "ppo-console.log": Right(
        "console log",
        0,
        0,
        0,
        metrics={"objective/kl": 0.9, "loss/policy_avg": -0.011, "objective/scores": 0.15},
    ),
    "labels-all-masked.log": Right("console log", 1, 25, 25, evals={"val": (1, 25, math.nan)}),
    "ms-swift-logging.jsonl": Right(
        "ms-swift log",
        1,
        430,
        44,
        438,
        is_over=True,
        evals={"val": (5, 438, 0.12936)},
        eval_metrics={"token_acc": 0.94637},
    ),
    "ms-swift-console.log": Right(
        "console log", 1, 10, 3, 60, evals={"val": (1, 10, 0.2801)}, eval_metrics={"token_acc": 0.935}
    ),
    "notebook-table.txt": Right("results table", 1, 4, 4, 290, evals={"val": (4, 4, 1.785)}),
    "model-card.txt": Right(
        "results table",
        2020,
        3030,
        2,
        3030,
        evals={"val": (3, 3030, 2.3422)},
        eval_metrics={"rouge1": 8.8565},
    ),
    "page.html": Right(
        "notebook",
        535,
        2675,
        5,
        2675,
        is_over=True,
        evals={"val": (5, 2675, 0.909952)},
        eval_metrics={"matthews_correlation": 0.527495},
    ),
    "two-trainings.ipynb": Right("notebook", 1, 3, 3, 3, is_over=True, last_loss=1.7),
    "resumed-mid-run.log": Right(
        "console log", 1650, 3250, 33, 3252, is_over=True, begins_at=1650, metrics={"entropy": 0.9433}
    ),
    "six-eval-sets.json": Right(
        "Trainer state", 401, 12030, 30, 12030, is_over=True, evals=G, eval_metrics={"accuracy": 0.2519}
    ),
    "train-loss-rising.log": Right("console log", 1, 12, 12, last_loss=1.6139),
    "two-ranks-print.log": Right("console log", 1, 19, 19),
    "short-run-old-transformers": Right("TensorBoard", 1, 60, 60, 60, is_over=True),
    "two-runs-one-folder": Right("TensorBoard", 10, 60, 6, 60, is_over=True),
    "torchtune.txt": Right("torchtune log", 1, 6, 6, last_loss=0.8440, nan_hidden=False),
    "mlx-lm.log": Right(
        "mlx-lm log", 10, 40, 4, 3000, evals={"val": (1, 1, 2.48)}, last_loss=1.372, nan_hidden=False
    ),
    "mlx-lm-table.log": Right(
        "mlx-lm log", 10, 30, 3, 1000, evals={"val": (2, 30, 1.48)}, last_loss=1.552, nan_hidden=False
    ),
    "nanogpt.log": Right(
        "nanoGPT log",
        1,
        10,
        2,
        evals={"val": (1, 0, 6.178), "train_probe": (1, 0, 6.1854)},
        last_loss=4.681,
        nan_hidden=False,
    ),
    "verl.log": Right(
        "verl log",
        1,
        2,
        2,
        140,
        metrics={"reward": 0.1044921875, "kl": 0.0013, "completions/mean_length": 208.25, "entropy": 0.09512},
        eval_metrics={"char_count/reward/mean@1": 0.1334},
        last_loss=0.0017,
        nan_hidden=False,
    ),
    "fairseq-simple.log": Right(
        "fairseq log",
        100,
        500,
        3,
        is_over=True,
        evals={"val": (1, 487, 7.677)},
        eval_metrics={"bleu": 2.52},
        last_loss=7.655,
        nan_hidden=False,
    ),
    "fairseq-json.log": Right(
        "fairseq log",
        1,
        2,
        2,
        2,
        is_over=True,
        evals={"val": (1, 2, 15.953)},
        last_loss=16.446,
        nan_hidden=False,
    ),
    "litgpt.log": Right(
        "LitGPT log", 1, 4, 4, evals={"val": (2, 4, 1.655)}, last_loss=1.541, nan_hidden=False
    ),
    "megatron.log": Right(
        "Megatron log",
        20,
        30,
        2,
        1000,
        evals={"val": (1, 30, 9.914413)},
        eval_metrics={"ppl": 20224.51},
        last_loss=9.8712,
        nan_hidden=False,
    ),
    "torchtune-bars.log": Right("torchtune log", 1, 3, 3, last_loss=2.123, nan_hidden=False),
    "nanogpt-kin.log": Right(
        "nanoGPT log", 1, 20, 3, evals={"val": (2, 20, 8.7013)}, last_loss=8.6562, nan_hidden=False
    ),
    "grpo-beside-bars.log": Right("console log", 1, 9, 9, 200, metrics={"reward": 0.99, "entropy": 0.02511}),
    "kohya.log": Right("progress bars", 73, 74, 2, 96, begins_at=73, last_loss=0.0922, nan_hidden=False),
    "kohya-whole.log": Right("progress bars", 1, 6, 6, 6, is_over=True, last_loss=0.117, nan_hidden=False),
    "lightning-bars.log": Right(
        "progress bars", 2, 8, 4, metrics={"train_acc": 0.502}, last_loss=1.33, nan_hidden=False
    ),
    "lightning-metrics.csv": Right(
        "CSV table",
        49,
        299,
        6,
        evals={"val": (2, 473, 1.414)},
        metrics={"train_loss_epoch": 1.416},
        eval_metrics={"acc": 0.684},
        last_loss=1.415,
        nan_hidden=False,
    ),
    "table.csv": Right(
        "CSV table", 100, 300, 3, evals={"val": (3, 300, 3.02)}, last_loss=2.77, nan_hidden=False
    ),
    "loop.jsonl": Right("JSON lines", 10, 30, 3, last_loss=2.65, nan_hidden=False, names=LOOP),
}

# Those that are one file, which can grow.
GROWING = [name for name in RIGHT if (SAMPLES / name).is_file()]
