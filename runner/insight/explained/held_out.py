"""The held-out loss: rises, and gaps to what the model was trained on."""

from runner.insight.diagnosis import (
    answers,
    converged,
    memorisation,
    overfitting,
    scatter,
)
from runner.insight.diagnosis import held_out_trend as trend
from runner.insight.diagnosis import operating_conditions as conditions
from runner.insight.diagnosis.training_side import BY_HEART
from runner.insight.explained.examples import held_out as examples
from runner.insight.explained.explanation import POOLING, STUDENT, Explanation, Group, paragraphs, percent

SOURCES = (POOLING, STUDENT)

HOW_A_RISE_IS_TOLD = f"""
    Two curves are fitted to the ln losses of the evaluations by pooling adjacent violators: the best one that never
    rises, and the best one that falls and then rises. How much one evaluation scatters by itself is not known, so
    {len(scatter.SCATTERS)} values from {percent(scatter.SCATTERS[0])} to {percent(scatter.SCATTERS[-1])} of the loss
    are all tried. Each is weighted by what real runs show (log-normal around {percent(scatter.USUAL)}, wider for few
    rows) and by the bends of this curve, (y(k+1) − 2 y(k) + y(k−1)) / √6, under Student's t.

    The evidence is the logarithm of how much more likely the evaluations are under a rise, less ln n after n
    evaluations because the question is asked after each. No single evaluation may decide: it is the least of the
    evidence without the best, without the highest since, and without the last evaluation; from
    {trend.FEWEST_WITH_OUTLIER} on, the one that bends the curve most is left out besides.
"""

EXPLAINED = (
    Explanation(
        slug="overfitting",
        group=Group.HELD_OUT,
        line="The held-out loss rises while rows the model was trained on still get better.",
        what=paragraphs("""
            What the run still learns holds for its training rows only; on rows it has not seen it gets worse. The
            best checkpoint lies behind.
        """),
        looks=paragraphs("""
            The held-out loss has a lowest point and climbs from there; the loss on training rows with the same
            weights, or the train loss, goes on falling. The gap opens like scissors.
        """),
        computed=paragraphs(f"""
            {HOW_A_RISE_IS_TOLD}

            A rise is sure when the evidence is over {trend.SURE:g} and both the fitted curve and the last evaluation
            lie over {percent(trend.LEAST_RISE)} above the best. One evaluation is enough where the losses of at
            least {trend.FEWEST_ROWS} single rows are kept, their mean difference is over {trend.ROWS_SURE:g}
            standard errors, and the rise is over {percent(trend.ROWS_RISE)} and over {trend.ROWS_NOISES:g} standard
            deviations more than the best evaluation can owe to luck; then training rows must be evaluated too.

            Besides, training rows must be getting better: their loss fell since the best evaluation by more than one
            standard deviation of an evaluation; or, without evaluated training rows, the train loss did, after the
            first epoch, or lies under {percent(BY_HEART)} of the best held-out loss.

            Critical from a rise of {percent(overfitting.CRITICAL_RISE)} on, else a warning.
        """),
        do=paragraphs("""
            Keep the checkpoint of the best evaluation; it is never rotated away.

            Next time train as many epochs as it took to the best point, with dropout 0.1, or on more and more varied
            rows. Few rows and many epochs are the usual cause.
        """),
        is_not=paragraphs("""
            Not worsening: there training rows get no better either, which is instability. Not memorisation: a gap
            alone, with a held-out loss that stays where it is, does no harm. A train loss below the held-out loss is
            no sign of it by itself.

            The loss can rise while right answers still become more: the model is surer of itself where it is wrong.
            If an accuracy was evaluated and still improves, the sentence says so.
        """),
        unknown=paragraphs(f"""
            With fewer than {trend.FEWEST} evaluations, in the first epoch without evaluated training rows, or with
            no train loss between evaluations: then it is called worsening or held-out-rising, or nothing. It cannot
            be told at all when no row is held out, or when held-out rows also stand among the training rows.
        """),
        sources=SOURCES,
        example=examples.overfitting,
    ),
    Explanation(
        slug="worsening",
        group=Group.HELD_OUT,
        line="The held-out loss rises, and training rows do not explain it.",
        what=paragraphs("""
            The run gets worse on rows it has not seen without getting better on those it has: the updates do harm.
            Or nothing is known of the training rows, so that the reason is open.
        """),
        looks=paragraphs("Held-out loss and loss on training rows fall together and rise together."),
        computed=paragraphs(f"""
            {HOW_A_RISE_IS_TOLD}

            The evidence must be at least {overfitting.UNEXPLAINED_ODDS:g} and the last evaluation at least
            {percent(overfitting.UNEXPLAINED_RISE)} above the best, which is more than overfitting needs, because
            nothing else speaks for it. Critical from {percent(overfitting.UNEXPLAINED_CRITICAL)} on, else a warning.

            The loss on training rows must not have fallen by more than one standard deviation of an evaluation, or
            must not be known, or the run must be in its first epoch.
        """),
        do=paragraphs("""
            Keep the checkpoint of the best evaluation.

            Next time halve the learning rate. If the training rows are not known: evaluate them (eval.train_probe)
            and log the train loss at least as often as evaluations are made.
        """),
        is_not=paragraphs("""
            Not overfitting: nothing is learned by heart. Not divergence: there the train loss itself leaves its best
            far behind.
        """),
        unknown=paragraphs(f"""
            With fewer than {trend.FEWEST} evaluations. In the first epoch a rise may come from held-out rows of
            another kind than the training rows, which the curves cannot show.
        """),
        sources=SOURCES,
        example=examples.worsening,
    ),
    Explanation(
        slug="held-out-rising",
        group=Group.HELD_OUT,
        line="The last held-out loss lies above the best one; nothing confirms a rise yet.",
        what=paragraphs("""
            The last evaluation is worse than the best by more than usual, but one or two evaluations do not tell a
            rise from scatter. It is a remark: no alarm, and the run is not stopped for it.
        """),
        looks=paragraphs("A curve that falls, with its last point or two above the lowest."),
        computed=paragraphs(f"""
            The last evaluation lies over {percent(overfitting.SEEN_RISE)} and over {overfitting.SEEN_NOISES:g}
            standard deviations of one evaluation above the best, or over {percent(overfitting.CRITICAL_RISE)}
            whatever the scatter, and neither overfitting nor worsening is found.
        """),
        do=paragraphs("""
            Wait for the next evaluations, or evaluate more often. When the run is over, keep the checkpoint of the
            best evaluation.
        """),
        is_not=paragraphs("Not overfitting yet: the next evaluation can be the best one."),
        unknown=paragraphs("With a single evaluation there is nothing to hold it against."),
        sources=SOURCES,
        example=examples.held_out_rising,
    ),
    Explanation(
        slug="memorisation",
        group=Group.HELD_OUT,
        line="The same weights do far better on training rows than on held-out ones.",
        what=paragraphs("""
            Training rows are being learned by heart. That alone is harmless: after three healthy epochs the two
            losses can lie 30 % apart while the held-out loss is still at its best. So it is never more than a remark.
        """),
        looks=paragraphs("A growing gap between the two losses; the held-out loss is flat or still falls."),
        computed=paragraphs(f"""
            (held-out loss − loss on training rows) / held-out loss at the last evaluation, both with the same
            weights, less that gap before training, is over {percent(memorisation.GAP_SEEN)}. Needs
            {memorisation.FEWEST} evaluations.

            Without any evaluation: the median of the last {converged.WIDTH} train losses is under
            {converged.BY_HEART:g} nats a token, and under {percent(converged.BY_HEART * converged.WIDTH)} of the
            first losses, after at least {converged.FEWEST_EPOCHS:g} epochs. Rows seen again and again are then known
            by heart; whether anything else was learned is not measured.
        """),
        do=paragraphs("""
            Nothing, as long as the held-out loss does not rise. If answers must not repeat training rows, look for
            copied spans among the answers (`a`), train fewer epochs, or use more rows.
        """),
        is_not=paragraphs("""
            Not overfitting: the held-out loss does not rise. The logged train loss is not compared, because its rows
            were seen with dropout and with weights of several steps.
        """),
        unknown=paragraphs("""
            Without evaluated training rows (eval.train_probe). A sample of training rows that is easier than the
            held-out rows shows a gap from the start; only a gap before training (step 0) can be taken off.
        """),
        example=examples.memorisation,
    ),
    Explanation(
        slug="forgetting",
        group=Group.HELD_OUT,
        line="The loss on general text rises: the model loses what it knew before.",
        what=paragraphs("""
            While the model learns the new task, text of another kind becomes less likely under it than it was before
            training. This is called catastrophic forgetting.
        """),
        looks=paragraphs(
            "The loss on general text climbs from the first evaluations on; the held-out loss may fall."
        ),
        computed=paragraphs(f"""
            The lower of the last 2 evaluations of the general set is held against the one before training (step 0).
            Over {percent(conditions.FORGOTTEN[2][0])} higher is a remark, over {percent(conditions.FORGOTTEN[1][0])} a
            warning, over {percent(conditions.FORGOTTEN[0][0])} critical; each only if the difference is also over
            {conditions.NOISES:g} standard deviations of one evaluation. Needs {conditions.FEWEST_GENERAL} evaluations.
        """),
        do=paragraphs("""
            Next time halve the learning rate, train fewer epochs, or mix general rows in (data.mix), about one in
            five. Keep an earlier checkpoint if the old abilities matter more than the last gain.
        """),
        is_not=paragraphs("""
            Not overfitting: that is about the new task. A loss on general text says nothing of single abilities; ask
            the model itself (eval.sample_prompts).
        """),
        unknown=paragraphs(f"""
            Without a general set (data.mix or data.general_eval_dataset), without an evaluation before training, or
            before {conditions.FEWEST_GENERAL} evaluations.
        """),
        sources=(STUDENT,),
        example=examples.forgetting,
    ),
    Explanation(
        slug="answers-wrong",
        group=Group.HELD_OUT,
        line="Hardly an answer to held-out rows is right, whatever the loss says.",
        what=paragraphs("""
            At evaluations a fixed sample of held-out rows is answered and compared with what the rows say. The loss
            can fall far while none of these answers is right: the form is learned first, and the few tokens that
            carry the facts are few among many.
        """),
        looks=paragraphs(
            "A held-out loss as it should be, beside a count of right answers that stays at nothing."
        ),
        computed=paragraphs(f"""
            Answers are made greedily and compared after normalising (Unicode NFKC, white space, punctuation at the
            end; JSON by its values). It is said when of at least {answers.FEWEST_ANSWERS} rows under
            {percent(answers.HARDLY)} are right: at the end of the run, or past {percent(answers.DUE)} of it when
            neither whole answers nor fields became more since the evaluation before. Fields under
            {percent(answers.WRONG_FIELD)} right are named.
        """),
        do=paragraphs("""
            Read the answers beside the expected ones (key a). If only one field is wrong, look at how it stands in
            the rows; if the form is wrong, at the chat template and where answers end.

            Otherwise train longer, or take a base that can do more of the task already: a small model learns a form
            within minutes and a skill hardly at all.
        """),
        is_not=paragraphs(
            "Not overfitting: the held-out loss may be at its best. Not a bug of the loss either."
        ),
        unknown=paragraphs("""
            Where answers can be worded in many ways, as prose can, exact match says nothing and nothing is said; and
            where `eval.answer_rows` is 0.
        """),
        example=examples.answers_wrong,
    ),
)
