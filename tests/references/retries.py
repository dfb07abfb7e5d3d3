"""Retries that spread instead of repeating the peak that caused them."""

import random

BASE, LONGEST = 1.0, 20.0  # seconds, as botocore's for throttling errors since 1.44


def full_jitter(attempt: int, rng: random.Random) -> float:
    """Anything from nothing to the exponential delay: the spread, not the growth, ends a storm."""
    return rng.uniform(0, min(LONGEST, BASE * 2**attempt))


def in_step(attempt: int, _: random.Random) -> float:
    return min(LONGEST, BASE * 2**attempt)


def storm(clients: int, capacity: int, jitter: bool, seed: int = 1) -> tuple[int, int, float]:
    """All clients call at once, again until they are served; a service takes `capacity` calls in 100 ms.

    Returns the most calls that met in 100 ms after the first, all calls, and the seconds until the last was served.
    """
    rng, delay = random.Random(seed), full_jitter if jitter else in_step
    due, peak, calls, now = {0: [0] * clients}, 0, 0, 0
    while due:
        if arrived := due.pop(now, []):
            calls += len(arrived)
            peak = max(peak, len(arrived)) if now else 0
        for attempt in arrived[capacity:]:
            due.setdefault(now + 1 + int(delay(attempt, rng) * 10), []).append(attempt + 1)
        now += 1
    return peak, calls, (now - 1) / 10
