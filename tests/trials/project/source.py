"""What a source is: one thing that sets something off."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ANY = ("ANY", "*", "X-AMAZON-APIGATEWAY-ANY-METHOD")


class Kind(StrEnum):
    """What a source is; the trials know how each of these delivers, `OTHER` apart."""

    QUEUE = "queue"
    STREAM = "stream"
    TABLE = "table"
    TOPIC = "topic"
    BUS = "bus"
    SCHEDULE = "schedule"
    HTTP = "http"
    BUCKET = "bucket"
    LOGS = "logs"
    TASK = "task"
    DIRECT = "direct"  # nothing in the template calls it
    MACHINE = "machine"  # a state machine, which `function` names
    ROUTE = "route"  # a way without a function: `function` is where it ends
    OTHER = "other"


@dataclass(frozen=True)
class Batching:
    """What an event source mapping says about batches; `retries` is -1 for no limit."""

    size: int = 10
    reports_failures: bool = False
    retries: int = -1
    halves: bool = False
    keeps_discarded: bool = False
    filters: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Route:
    """A method and path of an API; `payload` is the version of the event, `authorizer` what stands before the route.

    `schema` is what its definition says of a body, `parameters` those that it demands: query or header, and the name.
    """

    method: str
    path: str
    payload: str = "2.0"
    authorizer: str = ""  # jwt, cognito, lambda, iam or nothing
    websocket: bool = False
    unheard: bool = False  # what the function returns nobody gets, since a WebSocket's route has no response
    schema: Any = None
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Call:
    """What a method of an API calls itself, without a function: a service, as an ARN names it, and its action.

    `body` is the integration in OpenAPI's words, references left as they are written: uri, credentials,
    requestTemplates, requestParameters, passthroughBehavior, responses by the status they are for, integrationSubtype.
    """

    service: str
    action: str
    body: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.service}:{self.action}"


@dataclass(frozen=True)
class Source:
    """What sets `function` off. `origin` is the logical id of the queue, stream, table, topic, bus, bucket or so."""

    kind: Kind
    function: str
    name: str
    origin: str = ""
    batching: Batching = Batching()
    route: Route | None = None
    pattern: dict[str, Any] = field(default_factory=dict)  # of a rule, or the policy of a subscription's filter
    by_body: bool = False  # the filter policy is of the message, not of its attributes
    given: str = ""  # the input that a schedule or a target writes itself
    only_once: bool = False  # a schedule that has one time
    attempts: int = 3
    call: Call | None = None  # of a way that an API opens
    pipe: dict[str, Any] = field(default_factory=dict)  # of a way that is a pipe: filters, enrichment, target
    durable: bool = False  # its executions outlast their invocations
    elsewhere: int | None = None  # of a way whose end is not seen here: which of its targets a queue stands in for
    why: str = ""  # why there are no trials for it

    @property
    def file(self) -> str:
        """What a file with its event is called, without ending: a path in its name would be folders."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip("-")

    def __str__(self) -> str:
        where = f"{self.route.method} {self.route.path}".strip() if self.route else self.origin
        if self.kind is Kind.MACHINE:
            return f"{self.kind} {self.name}"
        if self.kind is Kind.ROUTE and not self.route:  # of several rules of one bus, each
            where = self.name
        return f"{self.kind} {where or self.name} → {self.function}"
