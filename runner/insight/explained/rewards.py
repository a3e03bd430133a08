"""Runs that are judged by rewards, not by their loss."""

from runner.insight import task
from runner.insight.diagnosis import rewards as rules
from runner.insight.explained.examples import rewards as examples
from runner.insight.explained.explanation import THEIL_SEN, Explanation, Group, paragraphs, percent

LEVEL = f"the median of the last {rules.WIDTH} values"

EXPLAINED = (
    Explanation(
        slug="reward-flat",
        group=Group.REWARDS,
        line="The reward is always the same, or shows no trend upwards.",
        what=paragraphs("""
            Reinforcement learning lives on differences between rewards. If every answer gets the same one, there is
            no gradient (a warning); if the reward does not rise, the run does not do what it is for (a remark).
        """),
        looks=paragraphs("A level band of rewards, or a straight line."),
        computed=paragraphs(f"""
            All values of the reward are equal, over at least {rules.FEWEST} entries; or, over at least
            {rules.FEWEST_FOR_TREND}, the Theil–Sen slope of the means of up to {rules.MOST_POINTS} equal parts is not
            above 0, and its 95 % interval does not lie above 0.
        """),
        do=paragraphs("""
            Look at answers and at what the reward function says of them: a parser that never matches is the usual
            cause of a constant reward. Start with easier rows, or sample more answers to each question.
        """),
        is_not=paragraphs("""
            A reward that has reached its maximum is flat too, and that is success; compare it with the best reward
            there can be. The loss tells nothing here: GRPO's begins at 0 and follows the KL term.
        """),
        unknown=paragraphs(f"""
            Before {rules.FEWEST_FOR_TREND} entries. Rewards of small batches scatter widely; a slow rise can be
            hidden in them.
        """),
        sources=(THEIL_SEN,),
        example=examples.reward_flat,
    ),
    Explanation(
        slug="kl-runaway",
        group=Group.REWARDS,
        line="The model moves far away from its reference model.",
        what=paragraphs("""
            The KL divergence to the reference model explodes. The answers then become text of another kind, often
            one that fools the reward function.
        """),
        looks=paragraphs("A low, nearly level curve that shoots up."),
        computed=paragraphs(f"""
            {LEVEL[0].upper()}{LEVEL[1:]} of the logged KL divergence is over {rules.KL_FAR:g} nats and over
            {rules.KL_TIMES:g} times its median before (the first tenth and the last {2 * rules.WIDTH} values left
            out). Needs {rules.FEWEST} entries. The curves looked for are {", ".join(task.KL_CURVES)}.
        """),
        do=paragraphs("""
            Divide the learning rate by 3, or use a larger beta (the coefficient of the KL term).

            Read some answers: a high reward with broken text means that the reward function is being fooled.
        """),
        is_not=paragraphs(
            "A slow growth of the KL divergence is what learning looks like, and is not reported."
        ),
        unknown=paragraphs("""
            Where no KL divergence is logged, as with beta 0. Trainers average it over tokens or add it up over an
            answer, so its size alone says little; that is why it is also held against its own past.
        """),
        example=examples.kl_runaway,
    ),
    Explanation(
        slug="entropy-collapse",
        group=Group.REWARDS,
        line="The answers have lost nearly all their randomness: nothing new is tried.",
        what=paragraphs("""
            The model has become sure of one answer to each question. All sampled answers are alike, get the same
            reward, and teach nothing further.
        """),
        looks=paragraphs("An entropy that falls towards 0 and stays there."),
        computed=paragraphs(f"""
            {LEVEL[0].upper()}{LEVEL[1:]} of the logged entropy is at most {percent(rules.ENTROPY_SHARE)} of the
            median of entries {rules.WIDTH + 1} to {2 * rules.WIDTH}, and at most {rules.ENTROPY_LOW:g} nats a token.
            Needs {rules.FEWEST} entries of a run with rewards.
        """),
        do=paragraphs(
            "Sample at a higher temperature, divide the learning rate by 3, or add an entropy bonus."
        ),
        is_not=paragraphs("""
            A falling entropy is normal while a task is learned; only its nearly complete loss is reported. If the
            reward is at its maximum, it does no harm.
        """),
        unknown=paragraphs("Where no entropy is logged."),
        example=examples.entropy_collapse,
    ),
    Explanation(
        slug="length-limit",
        group=Group.REWARDS,
        line="Nearly all answers are cut off at the length limit.",
        what=paragraphs("""
            The answers do not end by themselves. What they would have ended with, often the result itself, is never
            seen by the reward function.
        """),
        looks=paragraphs("The share of answers that are cut off climbs to nearly all of them."),
        computed=paragraphs(f"""
            {LEVEL[0].upper()}{LEVEL[1:]} of the share of cut-off answers is at least {percent(rules.CLIPPED)}; or,
            where that is not logged, the mean length was the same number over the last {rules.FEWEST} entries. Needs
            {rules.FEWEST} entries.
        """),
        do=paragraphs("Use a larger max_completion_length, or reward answers that end."),
        is_not=paragraphs("Long answers as such are no fault; reasoning may need them."),
        unknown=paragraphs("Where neither the share of cut-off answers nor their length is logged."),
        example=examples.length_limit,
    ),
    Explanation(
        slug="chosen-falling",
        group=Group.REWARDS,
        line="The chosen answers get less likely; the rejected ones only fall faster.",
        what=paragraphs("""
            Preference losses look at the difference between the two answers alone. The margin can grow while both
            become less likely than under the reference model, and the probability goes to answers that are in no
            pair. A remark.
        """),
        looks=paragraphs("rewards/chosen goes far below 0 while rewards/margins rises."),
        computed=paragraphs(f"""
            {LEVEL[0].upper()}{LEVEL[1:]} of rewards/chosen is at most {rules.CHOSEN_FELL:g}, and at most its level at
            half of the log. rewards/chosen is beta times the log-probability of the chosen answer, less that under
            the reference model. Needs {rules.FEWEST} entries.
        """),
        do=paragraphs("""
            Add a supervised part to the loss (rpo_alpha in TRL), or divide the learning rate by 3. Read some answers
            before throwing a run away for it.
        """),
        is_not=paragraphs("A slight fall of rewards/chosen is common and often goes with better answers."),
        unknown=paragraphs("Where rewards/chosen is not logged."),
        example=examples.chosen_falling,
    ),
)
