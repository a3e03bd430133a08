"""What the Makefile runs before anything is installed: standard library only, readable by old Pythons."""
