"""Rows out of files as they come: containers, encodings, shapes. Needs none of the training stack for text files."""
