"""What the skill costs its readers and its handlers; see `__main__`."""
