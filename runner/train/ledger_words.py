"""What became of the data, in one line for the log."""

from __future__ import annotations

from runner.train.dataset import Ledger


def words(ledger: Ledger) -> str:
    """'400 rows read: 400 trained on, 64 evaluated on, …'; what did not happen is left out."""
    parts = [
        f"{ledger.rows_read:,} rows read: {ledger.train_rows:,} trained on",
        *(
            f"{count:,} {what}"
            for count, what in (
                (ledger.eval_rows, "evaluated on"),
                (ledger.probe_rows, "of the trained ones evaluated too"),
                (ledger.held_out_rows, "split off to evaluate on"),
                (ledger.mix_rows, "mixed in against forgetting"),
                (ledger.general_rows, "general ones evaluated on"),
                (ledger.duplicate_rows, "copies of another row"),
                (ledger.eval_rows_also_in_train, "evaluated on that are trained on too"),
                (ledger.left_out_rows, "left out as the preset says"),
                (ledger.truncated_rows, f"cut, which lost {ledger.tokens_lost:,} tokens"),
                (ledger.rows_without_trained_tokens, "left out without a token to learn"),
                (ledger.untrained_turns, "answers not learned"),
            )
            if count
        ),
    ]
    share = f"{ledger.trained_tokens:,} of {ledger.tokens:,} tokens learned ({ledger.trained_share:.0%})"
    return f"{', '.join(parts)}; {share}, longest row {ledger.longest_row:,}"
