"""What is worth knowing of a run without anything being wrong."""

from runner.insight.diagnosis import converged, learning, rewards, spikes
from runner.insight.explained.examples import remarks as examples
from runner.insight.explained.explanation import MAD, THEIL_SEN, Explanation, Group, paragraphs, percent

EXPLAINED = (
    Explanation(
        slug="spike",
        group=Group.REMARKS,
        line="The train loss jumped at a single step and came back.",
        what=paragraphs("""
            One step's loss stands far above its neighbours. Mostly the rows of that step are unlike the others: very
            short, in another language, broken. Single spikes do no harm.
        """),
        looks=paragraphs("A needle upwards, often with the gradient norm jumping too."),
        computed=paragraphs(f"""
            ln loss minus the median of the {spikes.WINDOW} before is over {spikes.SIGMAS:g} robust standard
            deviations of these (counted as at least {spikes.LEAST_SPREAD:g}) and over ln {spikes.LEAST_RATIO:g}; at
            least {spikes.FEWEST} entries must lie before. Spikes are left out of later windows, and a window begins
            anew where an epoch or a resumed part does.

            It must come back: one of the next {spikes.RECOVERY} entries lies within {spikes.BACK_SIGMAS:g} standard
            deviations of the median. With fewer entries after it, that is not known yet, and the sentence says so.

            More than {spikes.FEW} spikes are only reported if they are fewer than one in {spikes.COMMON} entries:
            more is the rows' own scatter.
        """),
        do=paragraphs("""
            Look at the rows of that step (`v`, then `w`). If they are broken, leave them out (`x`): the next preset
            does.
        """),
        is_not=paragraphs("""
            Not divergence: that does not come back. Not a step at an epoch's border. An average over several steps
            hides spikes; only logs of every step show them all.
        """),
        unknown=paragraphs(f"""
            In the first {spikes.FEWEST} entries, and at the end of the log whether it comes back.
        """),
        sources=(MAD,),
        example=examples.spike,
    ),
    Explanation(
        slug="epoch-step",
        group=Group.REMARKS,
        line="The train loss drops where an epoch begins: rows are seen again.",
        what=paragraphs("""
            In the second epoch the model meets rows it has seen, so their loss is lower at once. This is expected,
            the more so the fewer rows there are. The held-out loss does not step.
        """),
        looks=paragraphs("Stairs in the train loss, level within an epoch, down at its border."),
        computed=paragraphs(f"""
            The median of up to {learning.STAIR_LOGS} ln losses after the border lies over
            {percent(learning.STAIR)} below where the Theil–Sen trend of as many before it would lead, and over
            {learning.STAIR_Z:g} standard errors of the two medians. At least {learning.STAIR_FEWEST} entries on each
            side. The last such border is reported.
        """),
        do=paragraphs("Nothing. Judge the run by its held-out loss."),
        is_not=paragraphs("""
            Not overfitting by itself: that needs a held-out loss that rises. A step up after a resume is
            resume-break.
        """),
        unknown=paragraphs("When the number of steps in an epoch is not known, or an epoch has few entries."),
        sources=(THEIL_SEN, MAD),
        example=examples.epoch_step,
    ),
    Explanation(
        slug="converged",
        group=Group.REMARKS,
        line="The train loss is next to 0: nothing is left to learn from these rows.",
        what=paragraphs("""
            Every learned token is predicted with near certainty. Further steps change nothing but the model's
            certainty. Whether anything beyond these rows was learned is for held-out rows to say.
        """),
        looks=paragraphs("A train loss that falls to 0 and stays there."),
        computed=paragraphs(f"""
            Each of the last {converged.ENTRIES} train losses is finite and at most {converged.NEAR_ZERO:g} nats a
            token, after a loss that was higher. In preference learning: the last {rewards.SATURATED_ENTRIES} losses
            are at most {rewards.SATURATED_LOSS:g}, and all chosen answers rank above the rejected ones where that is
            logged.
        """),
        do=paragraphs("""
            Stop early; it is safe. Next time train fewer epochs, or on harder rows. For preferences: harder pairs or
            a larger beta.
        """),
        is_not=paragraphs("""
            Not nothing-trained: there the loss is 0 from the first step. Not a hidden NaN: zeros of the stock Trainer
            without a finite gradient norm are non-finite.
        """),
        unknown=paragraphs("Whether the model is any good: a train loss of 0 goes with overfitting as well."),
        example=examples.converged,
    ),
)
