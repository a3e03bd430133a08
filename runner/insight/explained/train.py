"""Train losses that do not do what they should."""

from runner.insight.diagnosis import learning, rate, stability, train_rising
from runner.insight.explained.examples import train as examples
from runner.insight.explained.explanation import MAD, THEIL_SEN, Explanation, Group, paragraphs, percent

EXPLAINED = (
    Explanation(
        slug="not-learning",
        group=Group.TRAIN,
        line="The loss does not fall: nothing is learned.",
        what=paragraphs("""
            After a fair part of the run the loss is where it was. The learning rate is far too low, the learned
            tokens are not the ones that matter, or the rows hold nothing that can be predicted.
        """),
        looks=paragraphs("A flat band from the first step on; evaluations that are nearly the same number."),
        computed=paragraphs(f"""
            One of these:

            Train loss: after the warm-up there are at least {learning.FEWEST_LOGS} entries and
            {percent(learning.SHARE_OF_STEPS)} of the run's, the median of the last tenth is less than
            {percent(learning.LEAST_FALL)} below that of the first, the 95 % interval of the Theil–Sen slope of ln
            loss holds 0, and rules out a fall of {percent(learning.MOST_FALL)}. After
            {percent(learning.EVAL_AT_SHARE)} of the steps a level above the start counts too, unless the interval
            allows a fall of {percent(2 * learning.MOST_FALL)}. Not if an evaluation is
            {percent(learning.EVAL_FALL)} better than the first.

            Held-out loss: from {percent(learning.EVAL_AT_SHARE)} of the steps on no evaluation is
            {percent(learning.EVAL_FALL)} better than before training; from {percent(2 * learning.EVAL_AT_SHARE)} on
            {percent(learning.LEAST_FALL)}, if the train loss has fallen by less than that too.

            Same number: at least {learning.FEWEST_CONSTANT} evaluations, over {percent(learning.CONSTANT_SHARE)} of
            the steps, lie within {percent(learning.CONSTANT)} of each other (late in the run
            {percent(learning.LATE_TIMES * learning.CONSTANT)}), and the train loss had not fallen by over
            {percent(learning.MOST_FALL)} before.
        """),
        do=paragraphs("""
            Multiply the learning rate by 3.

            Look at the data as the model sees them: chat template, masking, which tokens are learned. Check that the
            adapter's target modules are the attention and MLP layers.
        """),
        is_not=paragraphs("""
            Not plateau: there the loss fell first. Not nothing-trained: there is no gradient at all. A base model
            that already knows the task starts low and has little to fall; then a flat loss is no fault.
        """),
        unknown=paragraphs(f"""
            Before {learning.FEWEST_LOGS} entries or {percent(learning.EVAL_AT_SHARE)} of the steps, and in logs that
            begin in mid-run: the fall may have come before. A curve that is only noisy is not called flat.
        """),
        sources=(THEIL_SEN,),
        example=examples.not_learning,
    ),
    Explanation(
        slug="rate-too-high",
        group=Group.TRAIN,
        line="The loss swings widely, or blew up early, or got worse from the start.",
        what=paragraphs("""
            Each update overshoots: the loss is thrown about instead of falling. What is learned between the throws is
            lost again.
        """),
        looks=paragraphs(
            "A wide band that does not sink, or a first fall that is undone within the first steps."
        ),
        computed=paragraphs(f"""
            One of these:

            Swing: over the last {rate.SWING_LOGS} entries after the warm-up the robust standard deviation of ln loss
            around its running median is over {percent(rate.SWING)}, the Theil–Sen slope does not fall, and the level
            is not {rate.LEAST_CHANGE:g} in ln loss below that of the first {rate.SWING_LOGS // 2} entries, or lies
            over {rate.LEAST_CHANGE:g} and {rate.STUCK_ERRORS} standard errors above its best since. Not if the
            held-out loss fell by over {percent(rate.EVAL_ABOVE_START - 1)}, or the swing is under
            {percent(rate.LEAST_SWING)} of the first losses.

            Blown up: within the first {rate.EARLY} steps the loss fell under {percent(rate.FELL_EARLY)} of its start,
            the running median of {rate.WIDTH} came back to {percent(rate.BACK)} of it, the share of tokens predicted
            right fell under {percent(rate.RIGHT_LEFT)} of what it was, and the gradient norm was over {rate.THROWN:g}
            times that of the first two steps.

            Worse than before: the first evaluation after the warm-up is over {percent(rate.EVAL_ABOVE_START - 1)}
            worse than the one before training, and the last one still is worse.
        """),
        do=paragraphs("""
            Divide the learning rate by 3 and double the warm-up; or double the gradient accumulation, which averages
            the steps.
        """),
        is_not=paragraphs("""
            Single rows scatter as much as a high rate makes them, most of all at batch 1; that is why a swing counts
            only when the loss does not fall. Not divergence: there the loss leaves for a higher level.
        """),
        unknown=paragraphs(f"""
            Before {rate.SWING_LOGS} entries after the warm-up. The early blow-up needs gradient norms and the share
            of tokens predicted right.
        """),
        sources=(THEIL_SEN, MAD),
        example=examples.rate_too_high,
    ),
    Explanation(
        slug="train-rising",
        group=Group.TRAIN,
        line="The train loss climbs slowly and steadily.",
        what=paragraphs("""
            From an early lowest point on the train loss goes up, too slowly to be seen from one entry to the next:
            the updates do more harm than good, or the rows get harder.
        """),
        looks=paragraphs("A short fall, then a long even slope upwards."),
        computed=paragraphs(f"""
            The ln losses after the warm-up are averaged over up to {train_rising.MOST_POINTS} equal parts. At least
            {percent(train_rising.LEAST_TAIL)} of the parts lie behind the lowest; over these the Theil–Sen line rises
            by at least {percent(train_rising.LEAST_RISE)}, its 95 % interval lies above 0, and at least
            {percent(train_rising.MOSTLY)} of the parts are higher than the one before.

            Not if the last evaluation made meanwhile is the best of them. Needs {train_rising.FEWEST} entries.
        """),
        do=paragraphs("""
            Halve the learning rate.

            Look at the order of the rows: sorted by length or difficulty, the loss rises without anything being
            wrong.
        """),
        is_not=paragraphs(f"""
            Not divergence: that is a rise to over {stability.LONG.ratio:g} times the best. Not overfitting: there the
            train loss falls.
        """),
        unknown=paragraphs("""
            Without evaluations a harder order of the rows and a harmful rate look the same.
        """),
        sources=(THEIL_SEN,),
        example=examples.train_rising,
    ),
    Explanation(
        slug="plateau",
        group=Group.TRAIN,
        line="Neither loss falls any further while the learning rate is still high.",
        what=paragraphs("""
            The run has got what these rows and this rate give; the rest of the steps would change next to nothing. A
            remark: stopping early is safe, going on does no harm.
        """),
        looks=paragraphs("A fall that turns into a flat line."),
        computed=paragraphs(f"""
            Over the last {learning.PLATEAU_LOGS} entries or {percent(learning.PLATEAU_SHARE)} of the run, whichever
            is more, the Theil–Sen change of the train loss is under {percent(learning.PLATEAU_FALL)}; the last
            {learning.PLATEAU_EVALS} evaluations improved on the best before them by less than
            {percent(learning.PLATEAU_FALL)} or one standard deviation of an evaluation; and the learning rate is
            still over {percent(learning.LOW_RATE_SHARE)} of its peak.

            What the rest would bring is that slope, drawn on to the last step.
        """),
        do=paragraphs("Stop early, or go on. For a lower loss: other rows, a larger rank, a larger model."),
        is_not=paragraphs("""
            Not not-learning: the loss has fallen before. A flat end under a rate that has decayed to nothing is the
            schedule's, and is not called a plateau.
        """),
        unknown=paragraphs(f"""
            Before {2 * learning.PLATEAU_LOGS} entries or {learning.PLATEAU_EVALS + 1} evaluations. A loss can fall
            again after a long flat stretch.
        """),
        sources=(THEIL_SEN,),
        example=examples.plateau,
    ),
)
