"""Durable executions, one invocation at a time, each when a test says so; their rules are of AWS's own testing library.

Of it only what keeps an execution's operations is used: its runner has threads and clocks of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    DurableServiceClient,
    ErrorObject,
    OperationStatus,
    OperationType,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python_testing import execution as library
from aws_durable_execution_sdk_python_testing.checkpoint.processor import CheckpointProcessor
from aws_durable_execution_sdk_python_testing.model import StartDurableExecutionInput
from aws_durable_execution_sdk_python_testing.scheduler import Scheduler
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

from support.handlers import Context

Handler = Callable[[Any, Any], Any]
BEGIN = datetime(2026, 11, 27, 14, tzinfo=UTC)


class Lost(Exception):
    """The environment is gone: nothing that it does from now on reaches AWS."""


@dataclass
class Clock:
    time: datetime = BEGIN

    def now(self) -> datetime:
        return self.time

    def arm(self, wake: datetime) -> float:
        raise AssertionError(f"nothing here waits until {wake}")


@dataclass
class Death:
    """Of the environment at the first checkpoint with this update: before or after AWS has kept it.

    Not at the n-th: what is under way beside one another comes in one checkpoint or in several, by chance.
    """

    update: str
    kept: bool
    beside: list[str] = field(default_factory=list)  # the updates of that checkpoint, once it came


@dataclass
class Execution(DurableServiceClient):
    """One execution of a durable function. `handler` may be exchanged between invocations: another environment's.

    `updates` are all that was kept, as "STEP START score". `person` gets each callback id that is waited for, once.
    """

    handler: Handler
    payload: str
    name: str = "l-1"
    person: Callable[[str], None] = lambda _: None
    death: Death | None = None
    updates: list[str] = field(default_factory=list)
    invocations: int = 0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._store = InMemoryExecutionStore()
        self._processor = CheckpointProcessor(self._store, cast(Scheduler, None), self.clock)  # which it ignores
        begun = StartDurableExecutionInput(
            account_id="123456789012",
            function_name="under-test",
            function_qualifier="1",
            execution_name=self.name,
            execution_timeout_seconds=604_800,
            execution_retention_period_days=90,
            invocation_id="i-1",
            input=self.payload,
        )
        self.kept = library.Execution.new(begun)
        self.kept.start(self.clock.now())
        self._store.save(self.kept)
        self._gone = False
        self.died = False  # in its last invocation
        self._timeouts: dict[str, datetime] = {}  # by operation
        self._asked: set[str] = set()

    def die(self) -> None:
        """For code of a step: the environment is lost at this very moment."""
        self._gone = True
        raise Lost

    # ---- what the SDK calls

    def checkpoint(
        self,
        durable_execution_arn: str,  # noqa: ARG002
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        if self._gone:
            raise Lost
        names = [
            f"{update.operation_type.value} {update.action.value} {update.name or ''}".strip() for update in updates
        ]
        death = self.death if self.death and self.death.update in names else None
        if death:
            death.beside = names
            if not death.kept:
                self.die()
        answer = self._processor.process_checkpoint(checkpoint_token, updates, client_token)
        self.updates += names
        for update in updates:
            if update.callback_options and (seconds := update.callback_options.timeout_seconds):
                self._timeouts[update.operation_id] = self.clock.now() + timedelta(seconds=seconds)
        if death:
            self.die()
        return answer

    def get_execution_state(
        self,
        durable_execution_arn: str,  # noqa: ARG002
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        return self._processor.get_execution_state(checkpoint_token, next_marker, max_items)

    def stop(self, execution_arn: str, payload: bytes | None) -> datetime:  # noqa: ARG002
        raise AssertionError("no handler stops its own execution")

    # ---- what Lambda does

    @property
    def status(self) -> str:
        return str(self.kept.current_status().value)

    @property
    def result(self) -> Any:
        """What the handler gave as JSON, or its error."""
        ended = self.kept.result
        assert ended, "it runs"
        return ended.error or ended.result

    def invoke(self) -> None:
        """Call the handler once; what it raises is for the caller, and the execution goes on with the next call."""
        self._gone = False
        self.invocations += 1
        self.kept.complete_due_operations(self.clock.now())
        self._time_out()
        self.kept.begin_new_invocation()
        given = DurableExecutionInvocationInputWithClient(
            durable_execution_arn=self.kept.durable_execution_arn,
            checkpoint_token=self.kept.get_new_checkpoint_token(),
            initial_execution_state=InitialExecutionState(self.kept.get_navigable_operations(), ""),
            updated_operation_ids=list(self.kept.updated_operation_ids),
            service_client=self,
        )
        self.kept.mark_state_delivered()
        self.died = True
        answer = self.handler(given, Context())
        if self._gone:
            raise Lost  # whatever the SDK makes of it: who is gone answers nothing
        self.died = False
        if answer["Status"] == "SUCCEEDED":
            self.kept.complete_success(answer.get("Result"))
        elif answer["Status"] == "FAILED":
            self.kept.complete_fail(ErrorObject.from_dict(answer["Error"]))

    def play(self, most: int = 100) -> str:
        """Invoke until it ends, however often the environment dies, each time at the next moment; return its status."""
        while self.status == "RUNNING":
            assert self.invocations < most, "it never ends"
            try:
                self.invoke()
            except Lost:
                self.death = None
                continue
            if self.status == "RUNNING":
                self.wait()
        return self.status

    def wait(self) -> None:
        """Let a person answer, unless a step is to be tried again first; or let time pass until something happens."""
        retried = any(operation.status is OperationStatus.PENDING for operation in self.kept.operations)
        for operation in [] if retried else list(self.kept.operations):
            details = operation.callback_details
            is_open = details and details.callback_id and operation.status is OperationStatus.STARTED
            if is_open and details and details.callback_id not in self._asked:
                self._asked.add(details.callback_id)
                self.person(details.callback_id)
                return
        self.clock.time = max(self.clock.time, min(self.due()))

    def due(self) -> list[datetime]:
        """When something happens by itself: ends of waits, next attempts, timeouts of callbacks."""
        found = []
        for operation in self.kept.operations:
            if operation.wait_details and operation.status is OperationStatus.STARTED:
                found.append(operation.wait_details.scheduled_end_timestamp)
            if operation.step_details and operation.status is OperationStatus.PENDING:
                found.append(operation.step_details.next_attempt_timestamp)
            if operation.operation_type is OperationType.CALLBACK and operation.status is OperationStatus.STARTED:
                found.append(self._timeouts.get(operation.operation_id))
        return [moment for moment in found if moment]

    def answer(self, callback_id: str, result: str) -> bool:
        """Send a callback's success; whether it counted."""
        _, operation = self.kept.find_callback_operation(callback_id)
        if operation.status is not OperationStatus.STARTED:
            return False
        self.kept.complete_callback_success(callback_id, result.encode(), self.clock.now())
        return True

    def _time_out(self) -> None:
        for operation in list(self.kept.operations):
            details, moment = operation.callback_details, self._timeouts.get(operation.operation_id)
            if operation.status is OperationStatus.STARTED and details and moment and moment <= self.clock.now():
                error = ErrorObject.from_message("Callback timed out")
                self.kept.complete_callback_timeout(str(details.callback_id), error, self.clock.now())
