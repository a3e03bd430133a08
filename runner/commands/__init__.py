"""What the user can have done: each command checks, acts and returns what came of it. The command line and the screen
only ask and print.
"""
