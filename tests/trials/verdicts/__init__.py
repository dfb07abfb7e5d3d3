"""What a trial may conclude, and the pure functions that conclude it from a recorded history."""

from trials.verdicts.words import Finding, Judgement, Promise, Status, Verdict, broken, held, unproved

__all__ = ["Finding", "Judgement", "Promise", "Status", "Verdict", "broken", "held", "unproved"]
