"""Processes of this project, forked from one that has imported everything, in place of new interpreters.

A real start takes half a second for the supervisor or `ftui`, and seven for a trainer with torch: nearly all of it is
the import. A forked one has what a real one has: its own process id, session, command line, descriptors, environment,
signal dispositions, exit code. `cold` (conftest.py) is for tests that want a real start all the same.
"""
