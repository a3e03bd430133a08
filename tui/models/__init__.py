"""What is shown, as frozen plain values: runs, a preset's form, a row of data, the queue. No textual here."""
