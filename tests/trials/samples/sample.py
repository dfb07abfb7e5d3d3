"""One event in the form its source takes it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trials.samples.signing import Signing

WITH_KEY = "with the key that the code reads"  # how the origin of a request ends whose key is more than made up


@dataclass(frozen=True)
class Sample:
    """A message's body, a record's data or a whole event; `attributes` are those of a message, as SQS receives them.

    `origin` says where it comes from: a file of the project, or how it was made; `beside` are the items that then lay
    in the tables, by the table's logical id.
    """

    payload: Any
    origin: str
    attributes: dict[str, Any] = field(default_factory=dict)
    file: str = ""  # the project's file that it was read from
    unusual: Any = None  # the payload with a key that must be decoded, if the sample has a plain one instead
    learned: tuple[str, ...] = ()  # what refusals have taught of it
    beside: tuple[tuple[str, dict[str, Any]], ...] = ()
    signing: "Signing | None" = None  # of a request that its sender signs
