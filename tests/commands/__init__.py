"""What the user can have done."""
