"""Runs that are broken, whatever their curves look like otherwise."""

from runner.insight.diagnosis import health, stability
from runner.insight.explained.examples import broken as examples
from runner.insight.explained.explanation import MAD, THEIL_SEN, Explanation, Group, paragraphs, percent

EXPLAINED = (
    Explanation(
        slug="non-finite",
        group=Group.BROKEN,
        line="A loss is NaN or infinite: the weights are spoilt from that step on.",
        what=paragraphs("""
            A train loss, or a held-out loss with no finite train loss after it, is NaN or infinite. One such number
            in the forward pass makes every weight NaN at the next update; nothing that comes later can be used.
        """),
        looks=paragraphs("""
            The curve ends; each × at the upper edge stands for losses that are not finite. The stock Trainer writes
            such a loss as 0.0 instead.
        """),
        computed=paragraphs(f"""
            Any train loss that is not finite. In logs of a Trainer that filters NaN, a loss of exactly 0.0 counts as
            one where gradient norms are logged and its own is not finite; where none is logged, when at least
            {health.ZEROS_IN_A_ROW} zeros end the log and the loss before them was over {health.HIGH_BEFORE_ZERO:g}
            nats a token.

            An evaluation that is not finite counts only if the last train loss is not finite either, or there is
            none; otherwise it is evaluation-nan.
        """),
        do=paragraphs("""
            Go back to the last checkpoint before that step; if there is none, start again.

            Divide the learning rate by 3, and train in bf16 instead of fp16: fp16 overflows above 65,504.

            Look at the data rows of that step (`v`, then `w`): a row with nothing to predict, or a very long one, is
            a usual cause.
        """),
        is_not=paragraphs("""
            Not divergence: there the loss goes up but stays a number. Not steps-skipped: there single gradients
            overflow, the step is left out, and the loss stays finite.
        """),
        unknown=paragraphs("""
            When a foreign log shows NaN as 0.0 without gradient norms and the loss was already near 0, a NaN and a
            run that has learned everything look the same; then nothing is said.
        """),
        example=examples.non_finite,
    ),
    Explanation(
        slug="nothing-trained",
        group=Group.BROKEN,
        line="No parameter is trainable, or no token is learned from: the run changes nothing.",
        what=paragraphs("""
            The run cannot learn: either every parameter is frozen, or every label is masked, so that loss and
            gradient are exactly 0 from the first step.
        """),
        looks=paragraphs("A train loss of exactly 0 from the first entry on; the held-out loss never moves."),
        computed=paragraphs("""
            The model reports 0 trainable parameters, or both loss and gradient norm are exactly 0 in the first 2
            entries of the log.
        """),
        do=paragraphs("""
            No trainable parameter: check lora.use_peft and that lora.target_modules names modules of this model.

            Loss 0: check the chat template and train.assistant_only_loss, and look at one row as the model sees it
            (`v` in the workbench): the learned tokens are highlighted there.
        """),
        is_not=paragraphs("""
            Not converged: zeros after a loss that was not 0 are a run that has learned its rows. Not not-learning:
            there is a gradient there, but the weights hardly move.
        """),
        unknown=paragraphs("""
            Logs without gradient norms do not tell a masked run from a hidden NaN; only the number of trainable
            parameters is looked at then.
        """),
        example=examples.nothing_trained,
    ),
    Explanation(
        slug="divergence",
        group=Group.BROKEN,
        line="The train loss went up for good and does not come back.",
        what=paragraphs("""
            The train loss has risen far above its best and stays there: an update threw the weights to a place from
            which training does not recover. Usually the learning rate is too high for the batch, or the warm-up too
            short.
        """),
        looks=paragraphs("A fall, then a climb within some dozens of steps to a level that lasts."),
        computed=paragraphs(f"""
            The running median of the train loss (of {stability.LONG.width} entries; of {stability.SHORT.width} in
            logs with fewer than {stability.FEWEST_LONG}) is over {stability.LONG.ratio:g} times its lowest value so
            far, at each of the last {stability.LONG.persistence} entries ({stability.SHORT.persistence} in short
            logs).

            With fewer than {stability.FEWEST_SHORT} entries it must be over {stability.VERY_SHORT.ratio:g} times. A
            level back where the run began, after a fall of over {percent(1 - stability.FELL)}, counts as well.

            The rise in ln loss must be over {stability.LONG.sigmas:g} robust standard deviations of single losses
            around their running median ({stability.SHORT.sigmas:g} in short logs; the deviation counts as at least
            {stability.LEAST_SPREAD:g} in ln loss), and over {percent(stability.SHARE_OF_FALL)} of what the loss had
            fallen before.

            An evaluation since the onset that lies less than {percent(stability.EVAL_RISE - 1)} above the best
            held-out loss takes the finding back: then the rows were hard, not the run broken. During the warm-up
            nothing is said.
        """),
        do=paragraphs("""
            Stop, and go back to the checkpoint that is named.

            Divide the learning rate by 3 and double the warm-up. Look at the rows of the steps before the onset.
        """),
        is_not=paragraphs("""
            Not a spike: that comes back within some entries. Not train-rising: a slow climb by some per cent. Not
            overfitting: there the train loss falls on while the held-out loss rises.
        """),
        unknown=paragraphs(f"""
            In logs with fewer than {stability.SHORT.width + stability.SHORT.persistence} entries: then the last 3
            must be {stability.VERY_SHORT.ratio:g} times the best, or {stability.SHORT.ratio:g} times with evaluations
            that say the same. A log that begins in mid-run may have missed its best.
        """),
        sources=(MAD,),
        example=examples.divergence,
    ),
    Explanation(
        slug="resume-break",
        group=Group.BROKEN,
        line="After a resume the train loss is not where it would have been.",
        what=paragraphs("""
            A run went on from a checkpoint, and its loss jumped up: something of its state was not restored, such as
            the adapter, the optimizer's moments, the schedule or the place in the data.
        """),
        looks=paragraphs("A step up exactly where the run was resumed."),
        computed=paragraphs(f"""
            The median of the {stability.AFTER_RESUME} ln losses after the resume is held against the Theil–Sen line
            through up to {stability.RESUME_LOGS} before it, drawn on to the same place. The difference must be over
            {stability.BREAK_SIGMAS:g} robust standard deviations of the losses around that line (counted as at least
            {stability.LEAST_SPREAD:g}), and over {stability.LEAST_BREAK:g} in ln loss.

            The line's 95 % interval counts for the run: a steep fall does not make a break by flattening.
        """),
        do=paragraphs("""
            Stop. Check that the checkpoint holds the adapter, the optimizer's state, the schedule and the random
            state, and that data, seed and batch are what they were.
        """),
        is_not=paragraphs("""
            Not an epoch-step: that is a step down where an epoch begins. Not divergence: that needs no resume and
            takes some steps.
        """),
        unknown=paragraphs(f"""
            Before there are {stability.AFTER_RESUME} entries after the resume, or with fewer than
            {2 * stability.AFTER_RESUME} before it. Only the last resume is judged.
        """),
        sources=(THEIL_SEN, MAD),
        example=examples.resume_break,
    ),
    Explanation(
        slug="evaluation-nan",
        group=Group.BROKEN,
        line="A held-out loss is not a number while training goes on: a held-out row is broken.",
        what=paragraphs("""
            An evaluation gave NaN or infinity, but the train losses after it are numbers. So the weights are sound,
            and some held-out row is not.
        """),
        looks=paragraphs("× in the place of evaluations; the train loss goes on undisturbed."),
        computed=paragraphs("""
            At least one evaluation of any set is not finite, and non-finite is not found. It is a warning while the
            last evaluation of that set is one of them, else a remark.
        """),
        do=paragraphs("""
            Look for held-out rows without an answer, or cut so far that none is left: their mean over no token is
            NaN.

            Evaluate in bf16 instead of fp16.
        """),
        is_not=paragraphs("""
            Not non-finite: there the train loss is NaN too, and the weights are lost. It says nothing of how well the
            run learns.
        """),
        unknown=paragraphs("""
            Which row it is cannot be told from a mean; where losses of single rows are kept, the evidence has them.
        """),
        example=examples.evaluation_nan,
    ),
)
