"""The machine and the settings: what keeps a run from going on as planned."""

from runner.insight.diagnosis import health
from runner.insight.diagnosis import operating_conditions as rules
from runner.insight.explained.examples import operation as examples
from runner.insight.explained.explanation import THEIL_SEN, Explanation, Group, paragraphs, percent

EXPLAINED = (
    Explanation(
        slug="stalled",
        group=Group.OPERATION,
        line="The run died, or makes no step any more.",
        what=paragraphs("""
            The run is not over, but its processes are gone, or they are there and nothing happens: a data loader that
            waits, a lock, a network share that does not answer.
        """),
        looks=paragraphs("A curve that stops in the middle, without a last word."),
        computed=paragraphs(f"""
            Its processes are gone; or the last sign of life is over {rules.SILENT_SECONDS:g} s and over
            {rules.SILENT_INTERVALS:g} times the median time between the last {rules.RECENT_INTERVALS} entries ago,
            and the GPU is used by less than {rules.IDLE_PERCENT:g} % or its use is not known.
        """),
        do=paragraphs("""
            Look at the end of the log (`g`) and, for a stalled trainer, at stack.txt: it says at which line it hangs.

            Go on from the last checkpoint (`r`, or `ftui resume`).
        """),
        is_not=paragraphs("""
            A long evaluation or a checkpoint being written keeps the GPU or the disk busy and tells of itself; it is
            not called a stall.
        """),
        unknown=paragraphs("""
            For logs of other trainers it is not known whether their process lives.

            Before the second entry there is no usual time between entries to hold the silence against.
        """),
        example=examples.stalled,
    ),
    Explanation(
        slug="memory-short",
        group=Group.OPERATION,
        line="GPU memory is nearly full, or keeps growing.",
        what=paragraphs("""
            The run may end with out of memory: a longer row than any so far, or another program on the same card, is
            enough.
        """),
        looks=paragraphs(
            "Reserved memory that climbs step by step instead of staying level after the first steps."
        ),
        computed=paragraphs(f"""
            While the run lives, less than {percent(rules.LEAST_FREE)} of the card's memory is free; or after step
            {rules.GROWTH_FROM_STEP} the reserved memory grows by over {percent(rules.GROWTH)} in {rules.GROWTH_STEPS}
            steps by the Theil–Sen slope of up to {rules.MOST_MEASURED} measurements, whose 95 % interval lies above
            0. Needs {rules.FEWEST_MEASURED} measurements over {2 * rules.GROWTH_STEPS} steps.
        """),
        do=paragraphs("""
            Halve the per-device batch and double the accumulation: the effective batch stays the same. Or a smaller
            max_length, or gradient checkpointing.

            See who else is on the card: the screen shows this run, others, and what is free.
        """),
        is_not=paragraphs("""
            Reserved is not used: PyTorch keeps freed memory for itself, and a level near the top is stable. Growth
            in the first steps is normal, because each longer row needs more.
        """),
        unknown=paragraphs("Without a GPU, or in logs of other trainers, which rarely record memory."),
        sources=(THEIL_SEN,),
        example=examples.memory_short,
    ),
    Explanation(
        slug="steps-skipped",
        group=Group.OPERATION,
        line="Gradients overflow again and again: fp16 skips such steps.",
        what=paragraphs("""
            Training in fp16 scales the loss so that small gradients do not vanish. When a gradient overflows, the
            scaler leaves the step out and lowers the scale. Now and then that is normal; often means lost steps.
        """),
        looks=paragraphs("Single × in the gradient norm; the loss itself stays finite."),
        computed=paragraphs(f"""
            The last {health.SKIPS_IN_A_ROW} gradient norms are not finite while the loss is, or over
            {percent(health.SKIP_SHARE)} of the last {health.SKIP_WINDOW} are. Where no gradient norm is logged, or only
            now and then, only infinite ones count.
        """),
        do=paragraphs("Train in bf16 if the card has it. Otherwise divide the learning rate by 3."),
        is_not=paragraphs("Not non-finite: there the loss itself is NaN and the weights are spoilt."),
        unknown=paragraphs("Where gradient norms are not logged."),
        example=examples.steps_skipped,
    ),
    Explanation(
        slug="off-schedule",
        group=Group.OPERATION,
        line="The learning rate is not what its schedule says.",
        what=paragraphs("""
            The logged rate is none that the planned schedule has near this step. Usually a resume did not restore the
            scheduler, or the number of steps is not what the schedule was made for.
        """),
        looks=paragraphs("The logged learning rate leaves the planned line."),
        computed=paragraphs(f"""
            The rate at the last entry lies over {percent(rules.RATE_OFF)} of the peak outside of what the schedule
            has from one step before to one step after. Known are the formulas of linear, cosine, constant and
            constant_with_warmup as in transformers.
        """),
        do=paragraphs("Check lr_scheduler_type, warm-up, the number of steps, and what a resume restored."),
        is_not=paragraphs("It says nothing of whether the rate is a good one."),
        unknown=paragraphs(
            "For other schedules, when the total number of steps is not known, or without logged rates."
        ),
        example=examples.off_schedule,
    ),
)
