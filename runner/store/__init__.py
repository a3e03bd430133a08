"""What runs leave on disk, and reading it: the directory of a run is the only protocol between trainer, supervisor and
every reader.
"""
