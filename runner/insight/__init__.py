"""Numbers in, findings out. Pure functions over plain values; nothing here reads a file or starts a process."""
