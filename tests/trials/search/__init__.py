"""A search for sequences of events and faults that leave a world which no undisturbed order of the events leaves."""
