"""What a pipe does, which the local AWS does not: a record taken, filtered, enriched, made anew and sent on."""
