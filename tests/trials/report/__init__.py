"""What is told of the trials: one stream of typed events, and the outputs that handle it."""
