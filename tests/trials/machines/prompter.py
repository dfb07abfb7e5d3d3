"""Answers the tasks of machines that are played: does what they ask for, or the fault that is asked for."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from botocore.exceptions import ClientError

from trials.machines.calling import Calls, Done
from trials.machines.definition import CALLBACK
from trials.machines.history import STOOD_IN, Attempt, Fault, Way
from trials.stage import Stage
from trials.world import World, differences

QUEUE = "trial-tasks"
PAUSE = 0.03  # seconds between two looks into the queue
CAUSE = "refused by the trials"
LOST = "States.Timeout"  # what a machine learns of a task whose answer is lost


class Prompter:
    """Context manager around the threads that answer; the tasks of `machine` come one at a time, and are recorded."""

    def __init__(self, stage: Stage, machine: str, calls: Calls, fault: Fault | None = None) -> None:
        self.attempts: list[Attempt] = []
        self.failures: list[tuple[str, Any, Any, Done]] = []  # state, input, arguments and what came of it
        self.open: dict[str, str] = {}  # tokens that wait for somebody's answer: their states
        self.withheld: dict[str, Any] | None = None  # the last attempt that comes too late
        self.at_work = 0
        self.last = time.monotonic()  # when something last happened
        self._stage, self._machine, self._calls, self._fault = stage, machine, calls, fault or Fault()
        self._counted: Counter[str] = Counter()
        self._one, self._stopped = threading.Lock(), threading.Event()
        self._sqs, self._states = stage.local.client("sqs"), stage.local.client("stepfunctions")
        stage.local.client("lambda")  # made here, for clients are not made by several threads
        self.queue = str(self._sqs.create_queue(QueueName=QUEUE)["QueueUrl"])

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(8)
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._poller.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def in_vain(self) -> list[tuple[str, dict[str, Any]]]:
        """The states of its tasks that read no item from a table, and what they asked for."""
        return self._calls.in_vain

    @property
    def handed(self) -> dict[str, Any]:
        """By its physical name, what each function was first invoked with."""
        return self._calls.handed

    def _poll(self) -> None:
        while not self._stopped.is_set():
            try:
                received = self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            except ClientError:  # the queue went with the world
                return
            for message in received.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                self.at_work += 1
                self._pool.submit(self._answer, json.loads(message["Body"]))
            time.sleep(PAUSE)

    def _answer(self, asked: dict[str, Any]) -> None:
        try:
            if asked["machine"] == self._machine:
                with self._one:
                    done = self._recorded(asked)
            else:
                done = self._calls.do(asked["state"], asked["resource"], asked["arguments"])
            if asked["resource"].endswith(CALLBACK) and not done.error:
                self.open[asked["token"]] = asked["state"]
            elif done.error:
                self.fail(asked["token"], done.error, done.cause)
            else:
                self.succeed(asked["token"], done.result)
        except Exception as error:  # a thread's would be lost, and the execution wait for ever
            self.fail(asked["token"], "Trials.Failed", f"{type(error).__name__}: {error}")
        finally:
            self.last = time.monotonic()
            self.at_work -= 1

    def succeed(self, token: str, result: Any) -> None:
        with suppress(ClientError):  # somebody else answered
            self._states.send_task_success(taskToken=token, output=json.dumps(result))

    def fail(self, token: str, error: str, cause: str) -> None:
        with suppress(ClientError):
            self._states.send_task_failure(taskToken=token, error=error[:256], cause=cause[:32_768])

    def _recorded(self, asked: dict[str, Any]) -> Done:
        state = asked["state"]
        self._counted[state] += 1
        refused, mute = self._hit(state, self._counted[state] == 1)
        told = Done(error=self._fault.error, cause=json.dumps({"errorType": self._fault.error, "errorMessage": CAUSE}))
        if refused:
            self.withheld = asked if self._fault.way is Way.LATE else None
            self.attempts.append(Attempt(state, told.error))
            return told
        before = self.look()
        done = self._calls.do(state, asked["resource"], asked["arguments"])
        effects = tuple(differences(before, self.look(), set()))
        if mute and (not done.error or self._fault.way is not Way.UNDONE_TWICE):
            self.attempts.append(Attempt(state, told.error, effects, done.stood_in))
            return replace(told, error=LOST) if self._fault.way is Way.UNDONE_TWICE else told
        self.attempts.append(Attempt(state, done.error, effects, done.stood_in))
        if done.error:
            self.failures.append((state, asked.get("input"), asked["arguments"], done))
        return done

    def _hit(self, state: str, first: bool) -> tuple[bool, bool]:
        """Whether an attempt is refused, and whether it is done and its answer lost."""
        way = self._fault.way
        if state != self._fault.state:
            return False, way is Way.UNDONE_TWICE and first and state not in self._fault.ahead
        return (
            way in (Way.FOR_GOOD, Way.UNDONE_TWICE, Way.LATE) or (way is Way.ONCE and first),
            way is Way.UNKNOWN or (way is Way.UNKNOWN_ONCE and first),
        )

    def do_withheld(self) -> None:
        """Let the attempt that came too late be done, of which the machine learns nothing any more."""
        if self.withheld:
            self._calls.do(self.withheld["state"], self.withheld["resource"], self.withheld["arguments"])

    def look(self) -> World:
        """The world without the executions that are played and what the local AWS tells of them."""
        world = {place: records for place, records in self._stage.now().items() if place != f"machine {self._machine}"}
        told = [each for each in world.get("bus default", []) if not of_executions(each)]
        return {**world, "bus default": told, STOOD_IN: list(self._calls.recorded)}


def of_executions(event: Any) -> bool:
    return isinstance(event, dict) and event.get("source") == "aws.states"
