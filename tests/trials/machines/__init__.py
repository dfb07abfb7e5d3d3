"""State machines, played: each task comes to the trials, which do it, refuse it, or do it and lose the answer."""
