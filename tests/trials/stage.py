"""The project on the local AWS, deployed anew for every trial, with nothing else that sets a function off."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from trials.deliveries import durable
from trials.deliveries.history import Answer
from trials.local_aws import LocalAws, LocalAwsError, Stack
from trials.local_aws.clock import now
from trials.local_aws.databases import Database
from trials.local_aws.outside import StandIn
from trials.project import Project
from trials.project.graves import graves
from trials.project.integrations import planted
from trials.project.tokens import TOKEN
from trials.samples.bearer import Bearer
from trials.samples.code import declared_in, of_function
from trials.samples.reads import Reads
from trials.samples.sample import Sample
from trials.samples.shape import Shape
from trials.samples.sought import ROW, Thing, lay
from trials.samples.stored import as_sent, place, put
from trials.samples.waits import ACTIVITY, CALLBACK, TASK_TOKEN, WAITS, awaited, waiting
from trials.template.tables import lifetimes
from trials.verdicts.permissions import Used
from trials.world import PLACES, Probes, World, around, in_queues, mailed, named, services, snapshot

LONGEST = 8_000  # characters of an error that are read
PASSED = "passed on by another function"
PASSED_ON = ("QueueConfigurations", "TopicConfigurations", "EventBridgeConfiguration")  # what no function answers


@contextmanager
def overridden(packages: list[str]) -> Iterator[None]:
    """While it lasts, uv takes these packages, whatever the functions' requirements say of them."""
    before = os.environ.get("UV_OVERRIDE")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(packages))
        file.flush()
        try:
            if packages:
                os.environ["UV_OVERRIDE"] = file.name
            yield
        finally:
            os.environ.pop("UV_OVERRIDE", None)
            os.environ.update({"UV_OVERRIDE": before} if before is not None else {})


def keep_secrets(local: LocalAws, secrets: dict[str, str]) -> None:
    """Put the reader's secrets into Parameter Store if they are called like its paths, else into Secrets Manager."""
    for name, value in secrets.items():
        if name.startswith("/"):
            local.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        else:
            local.client("secretsmanager").create_secret(Name=name, SecretString=value)


def expire(local: LocalAws, table: str, attribute: str, now: float) -> int:
    """Delete the items of a table whose TTL, which this attribute holds, is over; how many there were."""
    dynamodb, number = local.client("dynamodb"), 0
    keys = [each["AttributeName"] for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            if float(item.get(attribute, {}).get("N", "inf")) < now:
                dynamodb.delete_item(TableName=table, Key={key: item[key] for key in keys})
                number += 1
    return number


class Stage:
    databases: Sequence[Database] = ()
    begun: Callable[[], object] = bool  # called whenever a trial asks for an empty world

    def __init__(
        self,
        local: LocalAws,
        project: Project,
        outside: StandIn,
        thorough: bool = False,
        policy: bool = False,
        databases: Sequence[Database] = (),
    ) -> None:
        self.local, self.project, self.outside, self.databases = local, project, outside, databases
        self.thorough, self.policy = thorough, policy  # what was asked for beyond the default trials
        self.stack: Stack
        self.used: dict[str, Used] = {}  # by function, what its last source showed under its role
        self._with_roles: Callable[[], Stage] | None = None
        self.stand_in = ""  # the ARN of a queue that hears what a way sends to an end that is not here
        self.seeds: list[tuple[str, dict[str, Any]]] = []  # by table: items that the source's sample speaks of
        self.laid: list[Thing] = []  # objects, parameters and secrets that the source's function looks for
        self.ending = ""  # of the kind of file that its objects are, where a refusal said so
        self.spoken = ""  # by models, where plain words do not do
        self.bearer: Bearer | None = None  # of the sample's token, if the code verifies it by published keys
        self.tokens: dict[str, str] = {}  # by token of the sample, the one that an execution of this world waits for
        self.senders: set[str] = set()  # of mails, verified in each world: an account has them, and seldom a template
        self.secrets: dict[str, str] = {}  # made up by the template, by logical id, that are the same in each world
        self.passed_on: dict[str, Sample] = {}  # by queue or machine: what a function sent to it
        self.beside = services(project.body)  # whose things in the account belong to its world
        self._reads: dict[str, Reads | None] = {}
        self.graves = frozenset(f"queue {name}" for name in graves(project.body))

    def offer_roles(self, make: "Callable[[], Stage]") -> None:
        """Say how to make a stage on which IAM is enforced, should a trial ask for one."""
        self._with_roles = cache(make)

    def with_roles(self) -> "Stage":
        assert self._with_roles
        stage = self._with_roles()
        stage.seeds, stage.laid, stage.secrets, stage.senders = self.seeds, self.laid, self.secrets, self.senders
        stage.ending, stage.bearer, stage.spoken, stage.begun = self.ending, self.bearer, self.spoken, self.begun
        return stage

    def fresh(self, elsewhere: bool = False) -> None:
        """An empty world in which nothing sets a function off but the trial itself; for `elsewhere` see `Database`."""
        self.begun()
        self.local.reset()
        self.local.say(self.spoken)
        self.outside.forget()
        for database in self.databases:
            database.reset(elsewhere)
        self.local.left_running.unlink(missing_ok=True)
        self.stack = self.deploy()
        self._configure()
        self._switch_off()
        self.empty_queues()
        self.tokens = {}
        for thing in self.laid:
            if thing[0] in (TASK_TOKEN, ACTIVITY, CALLBACK):
                at, token = thing[1:] if thing[0] == ACTIVITY else (), ""
                if thing[0] == CALLBACK:
                    self.stack.resources[WAITS] = awaited(self.local, thing[1])
                else:
                    token, self.stack.resources[WAITS] = waiting(self.local, *at)
                self.tokens |= {thing[1]: token} if token else {}
                self.stack.types[WAITS] = "AWS::SQS::Queue"
                continue
            if thing[0].endswith(ROW):
                for database in self.databases:
                    if thing[0] == f"{database.kind.name} {ROW}":
                        database.lay(thing[1].split("#")[0], json.loads(thing[2]))
                continue
            for name, (kind, physical) in lay(self.local, thing, self.ending).items():  # looked at as the stack's
                self.stack.types.setdefault(name, kind)
                self.stack.resources.setdefault(name, physical)
        for sender in self.senders:
            self.local.client("ses").verify_email_identity(EmailAddress=sender)
        for table, item in self.seeds:
            put(self.local.client("dynamodb"), self.stack.resources[table], item)
        self.probes = Probes(self.local, self.stack)

    def deploy(self) -> Stack:
        project = self.project
        for name, value in project.stored.items():
            self.local.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        secrets = project.supply.secrets
        own = {name for name in secrets if name in project.body["Resources"]}
        keep_secrets(self.local, {name: value for name, value in secrets.items() if name not in own})
        for bus in project.buses:
            with suppress(self.local.client("events").exceptions.ResourceAlreadyExistsException):
                self.local.client("events").create_event_bus(Name=bus)
        with overridden(project.newer):
            body = self.local.pack(project.body, project.template.parent, project.extra, tolerant=True)
        body = {**body, "Resources": {**body["Resources"], **planted(project.sources)}}
        stack = self.local.create_what_comes_up("on-stage", body, project.parameters)
        for name, value in {**self.secrets, **{name: secrets[name] for name in own}}.items():
            if name in stack.resources:
                secret = {"SecretId": stack.resources[name], "SecretString": value}
                self.local.client("secretsmanager").put_secret_value(**secret)
        return stack

    def _configure(self) -> None:
        """Set the variables that a custom resource of the template would set."""
        for function, setter, names in self.project.configured:
            if {function, setter} <= self.stack.resources.keys():
                given, own = self.variables(setter), self.variables(function)
                whole = {name: given[name] for name in names & given.keys()} | own
                change = {"FunctionName": self.stack.resources[function], "Environment": {"Variables": whole}}
                self.local.client("lambda").update_function_configuration(**change)

    def learn_senders(self) -> bool:
        """Verify, in the worlds to come, who sent mails in this one; whether that is anybody new."""
        known, self.senders = self.senders, self.senders | set(self.local.senders())
        return self.senders != known

    def keep_secrets(self) -> None:
        """Let what the template's secrets hold in this world be the same in those to come."""
        for name, kind in self.stack.types.items():
            if kind == "AWS::SecretsManager::Secret":
                with suppress(self.local.client("secretsmanager").exceptions.ClientError):
                    secret = self.local.client("secretsmanager").get_secret_value(SecretId=self.stack.resources[name])
                    self.secrets[name] = secret.get("SecretString", "")

    def reads(self, function: str) -> Reads | None:
        """What a function's code reads; it is looked at once."""
        if function not in self._reads:
            self._reads[function] = of_function(self.project, function)
        return self._reads[function]

    def made_of(self, function: str, name: str) -> Shape | None:
        """What a class is made of that a function's code declares."""
        return declared_in(self.project, function, name)

    def declared(self) -> dict[str, dict[str, str]]:
        """By table: the attributes of its key and of its indexes' keys with their types."""
        by_table: dict[str, dict[str, str]] = {}
        for name in self.keys():
            told = self.local.client("dynamodb").describe_table(TableName=self.stack.resources[name])["Table"]
            by_table[name] = {each["AttributeName"]: each["AttributeType"] for each in told["AttributeDefinitions"]}
        return by_table

    def keys(self) -> dict[str, dict[str, str]]:
        """By table: the attributes of its key with their types."""
        by_table: dict[str, dict[str, str]] = {}
        for name, kind in self.stack.types.items():
            if PLACES.get(kind) == "table":
                told = self.local.client("dynamodb").describe_table(TableName=self.stack.resources[name])["Table"]
                types = {each["AttributeName"]: each["AttributeType"] for each in told["AttributeDefinitions"]}
                by_table[name] = {each["AttributeName"]: types[each["AttributeName"]] for each in told["KeySchema"]}
        return by_table

    def empty_queues(self) -> None:
        """Take away what S3 sends to try a notification, before anything else has happened."""
        for name, messages in in_queues(self.local).items():
            if messages:
                sqs = self.local.client("sqs")
                sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _switch_off(self) -> None:
        functions, events, sns = (self.local.client(name) for name in ("lambda", "events", "sns"))
        for pipe in self.local.client("pipes").list_pipes()["Pipes"]:  # which would carry without filter and template
            self.local.client("pipes").stop_pipe(Name=pipe["Name"])
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        for subscription in sns.list_subscriptions()["Subscriptions"]:
            if subscription["Protocol"] == "lambda":
                sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        for bus in events.list_event_buses()["EventBuses"]:
            for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
                targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
                if any(":lambda:" in target["Arn"] for target in targets) or rule.get("ScheduleExpression"):
                    events.disable_rule(Name=rule["Name"], EventBusName=bus["Name"])
        for name, kind in self.stack.types.items():
            if kind == "AWS::SQS::Queue":  # a delay is only waited for
                url = self.stack.resources[name]
                self.local.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
            elif kind == "AWS::S3::Bucket":
                bucket = self.stack.resources[name]
                s3 = self.local.client("s3")
                notified = s3.get_bucket_notification_configuration(Bucket=bucket)
                kept = {key: each for key, each in notified.items() if key in PASSED_ON}
                s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=kept)

    def world(self, quiet: float = 0.2, timeout: float = 15) -> World:
        """The state of everything once nothing runs and it has stopped changing."""
        deadline = time.monotonic() + timeout
        before = self.now()
        while True:
            time.sleep(quiet)
            at_work, after = self.local.at_work(), self.now()
            if (after == before and not at_work) or time.monotonic() > deadline:
                return after
            before = after

    def now(self) -> World:
        rows = {place: kept for each in self.databases for place, kept in named(each.world(), self.stack).items()}
        world = snapshot(self.local, self.stack, self.probes)
        others = {"mails": mailed(self.local, self.stack), "outside": self.outside.records()}
        return {**world, **around(self.local, self.stack, self.beside), **rows, **others}

    def missing(self) -> list[tuple[str, str]]:
        """Kinds and names of what functions asked for in vain in this world."""
        return [*self.local.missing(), *(row for each in self.databases for row in each.sought())]

    def meet(self, patience: float) -> None:
        """Let each call to AWS, and each statement to a database, wait for the same one of another delivery."""
        self.local.meet(patience)
        for database in self.databases:
            database.meet(patience)

    def items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every item of the stack's tables, by the table's logical id."""
        for name, kind in self.stack.types.items():
            if PLACES.get(kind) == "table":
                scan = self.local.client("dynamodb").get_paginator("scan")
                for page in scan.paginate(TableName=self.stack.resources[name], ConsistentRead=True):
                    yield from ((name, item) for item in page["Items"])

    def remember(self) -> None:
        """Keep what now waits in the stack's queues, and lies in its tables, for those who read or ask for it."""
        sent, beside = in_queues(self.local), tuple(self.items())
        for name, kind in self.stack.types.items():
            if PLACES.get(kind) == "table" and not self.seeds:
                table = self.local.client("dynamodb").scan(TableName=self.stack.resources[name], Limit=1)
                for item in table["Items"]:
                    self.passed_on.setdefault(place(name), Sample(item, PASSED))
            queue = self.stack.resources[name].rsplit("/", 1)[-1]
            if PLACES.get(kind) == "queue" and (messages := sent.get(queue)):
                self.passed_on.setdefault(name, as_sent(messages[0], PASSED, beside))
            if PLACES.get(kind) == "machine":
                states = self.local.client("stepfunctions")
                for execution in states.list_executions(stateMachineArn=self.stack.resources[name])["executions"]:
                    description = states.describe_execution(executionArn=execution["executionArn"])
                    self.passed_on.setdefault(name, Sample(json.loads(description["input"]), PASSED))

    def payload(self, function: str, event: Any) -> bytes:
        """An event as Lambda gets it, with the tokens of this world."""
        text = json.dumps(event)
        if self.bearer and TOKEN in text:
            text = text.replace(TOKEN, self.outside.issuer.token(self.bearer.claims(self.variables(function))))
        for of_sample, of_world in self.tokens.items():
            text = text.replace(of_sample, of_world)
        return text.encode()

    def invoke(self, function: str, event: Any) -> Answer:
        if reason := durable.refused(self, function, event):
            return Answer(error=reason)
        answer = self.local.client("lambda").invoke(**durable.asked(self, function, event))
        if durable.goes_on(self, function, answer):
            return Answer(error=durable.GOES_ON)
        payload = answer["Payload"].read().decode()
        try:
            body = json.loads(payload)
        except ValueError:
            body = payload
        if "FunctionError" not in answer:
            return Answer(body)
        told = f"{body.get('errorType')}: {body.get('errorMessage')}" if isinstance(body, dict) else payload
        whole, told = told[:LONGEST], " ".join(told.split())
        return Answer(error=told if len(told) < 300 else f"{told[:100]} … {told[-200:]}", whole=whole)

    def variables(self, function: str) -> dict[str, str]:
        """Those that a function gets from its template, with their values in this world."""
        name = self.stack.resources[function]
        configuration = self.local.client("lambda").get_function_configuration(FunctionName=name)
        return dict(configuration.get("Environment", {}).get("Variables", {}))

    def warm(self, function: str, environments: int) -> None:
        """Start environments with an event that means nothing, so that deliveries can overlap."""
        with ThreadPoolExecutor(environments) as pool:
            list(pool.map(lambda _: self.invoke(function, {}), range(environments)))

    def lines(self, function: str) -> list[str]:
        """What a function has written into its log in this world."""
        with suppress(LocalAwsError, self.local.client("logs").exceptions.ClientError):
            return self.local.logs(self.stack.resources[function])
        return []

    def limit(self, function: str, seconds: int) -> None:
        """Give a function another timeout, in this world."""
        name = self.stack.resources[function]
        self.local.client("lambda").update_function_configuration(FunctionName=name, Timeout=seconds)

    def timeout(self, function: str) -> int:
        """Of a function, in seconds."""
        name = self.stack.resources[function]
        return int(self.local.client("lambda").get_function_configuration(FunctionName=name).get("Timeout", 3))

    def renew(self, function: str) -> None:
        """Let the next delivery find a new environment, as after any change of the configuration."""
        name, functions = self.stack.resources[function], self.local.client("lambda")
        memory = functions.get_function_configuration(FunctionName=name).get("MemorySize", 128)
        functions.update_function_configuration(FunctionName=name, MemorySize=memory)
        if self.local.scratch:
            self.local.scratch.renew()

    def later(self, function: str, seconds: int) -> frozenset[str]:
        """Let that many seconds pass: the next delivery finds a new environment, and items whose time is over are gone.

        DynamoDB deletes those some time after their TTL, so that a function must bear both; here they are gone. The
        places of such items are returned.
        """
        self.local.move_clock(seconds)
        self.renew(function)
        then, names = now(self.local.clock), self.stack.resources
        times = {name: each for name, each in lifetimes(self.project.model).items() if name in names}
        return frozenset(f"table {name}" for name, each in times.items() if expire(self.local, names[name], each, then))

    def returned_early(self, function: str) -> bool:
        """Whether a function answered while calls that it had begun were not over, in this world."""
        noted = self.local.left_running
        return noted.exists() and self.stack.resources[function] in noted.read_text().splitlines()

    def give_up(self, function: str, event: Any) -> None:
        """Invoke asynchronously, with the retries and the destinations that the function is configured with."""
        self.local.client("lambda").invoke(**durable.asked(self, function, event), InvocationType="Event")
