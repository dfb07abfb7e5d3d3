"""How many environments a load needs, how fast they come, and how long a backlog takes."""

from math import ceil, inf

SCALING, BURST = 100.0, 1_000  # environments a second that one function gains, and at once
PER_ENVIRONMENT = 10  # requests a second that an account may send per unit of its concurrency
UNRESERVED = 100  # what all functions without a reservation keep


def busy(rate: float, seconds: float) -> float:
    """Little's law: environments that are busy, on average."""
    return rate * seconds


def quota(rate: float, seconds: float) -> int:
    """The account concurrency that synchronous calls need; below 100 ms the rate decides, not the duration."""
    return ceil(max(busy(rate, seconds), rate / PER_ENVIRONMENT))


def throttled(rate: float, seconds: float, warm: float = 0, limit: float = inf) -> tuple[float, float]:
    """A load that starts at once: seconds until nothing is throttled any more, and requests refused until then."""
    demand = max(busy(rate, seconds), rate / PER_ENVIRONMENT)  # an environment counts for ten requests a second
    if demand > limit:
        return inf, inf
    missing = max(0.0, demand - warm - BURST)
    lasts = missing / SCALING
    return lasts, missing * lasts / 2 * rate / demand


def reservable(limit: int, reserved: list[int]) -> int:
    return limit - UNRESERVED - sum(reserved)


def drain(backlog: float, arrivals: float, batch: int, seconds: float, most: float, least: float = 5,
          gain: float = 300) -> float:  # fmt: skip
    """Seconds until a queue is empty; `gain` concurrent batches a minute, from `least` to `most`.

    For a FIFO queue `most` is at most the number of message groups that wait: each is worked on by one batch at a time.
    """
    per_invocation = batch / seconds
    if most * per_invocation <= arrivals:
        return inf
    elapsed, concurrent, step = 0.0, min(least, most), 0.1
    while backlog > 0:
        backlog += (arrivals - concurrent * per_invocation) * step
        concurrent = min(most, concurrent + gain / 60 * step)
        elapsed += step
    return elapsed


def pollers(messages: float, kb: float, batch: int, seconds: float) -> int:
    """Provisioned pollers of an SQS mapping: each 1 MB/s, 10 invocations at a time, 10 receives a second."""
    size, busy_invocations, receives = messages * kb / 1024, messages / batch * seconds, messages / batch / 10
    return max(2, ceil(max(size, busy_invocations / 10, receives)))
