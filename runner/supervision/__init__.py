"""The life of a run: it is launched, watched over, planned again after running out of memory, resumed, and its end is
told.
"""
