"""The moment of a run, of which all made-up samples are, in the forms in which services and code write it.

It is taken once: the samples of a run agree, and the second delivery is the first once more. `TRIALS_NOW`, in ISO 8601,
sets it, and the clock of the functions with it.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta


def iso(at: datetime) -> str:
    """With a `Z`, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def read(text: str) -> datetime:
    """A time to the second, in UTC if it names no zone; this one for an empty text."""
    try:
        at = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        sys.stderr.write(f"TRIALS_NOW is {text!r}, and not a time such as 2027-01-31T08:00Z\n")
        raise SystemExit(2) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


SET = os.environ.get("TRIALS_NOW", "")
NOW = read(SET)
AHEAD = NOW.timestamp() - time.time() if SET else 0.0  # seconds by which the functions live later than this machine
LATER = NOW + timedelta(days=2)  # when what has begun ends: no trial lets as much time pass


def present() -> float:
    """The time by the clock of the run, which goes on."""
    return time.time() + AHEAD


SECONDS = int(NOW.timestamp())
MILLISECONDS = SECONDS * 1000
TEXT, DAY = iso(NOW), f"{NOW:%Y-%m-%d}"
TO_MILLISECONDS = f"{NOW:%Y-%m-%dT%H:%M:%S.000Z}"
OF_REQUEST = f"{NOW:%d/%b/%Y:%H:%M:%S +0000}"  # as API Gateway writes it
AFTER = iso(LATER)
