"""The undisturbed delivery once more, under the role of the template; everywhere else IAM is off."""

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.stage import Stage
from trials.template import listed
from trials.verdicts import Judgement
from trials.verdicts.judge import refusal
from trials.verdicts.permissions import Call, Statement, Used, denied
from trials.world import differences


def under_its_role(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    roles = stage.with_roles()
    roles.fresh()
    result = deliver(roles, source, [reference.sample])
    world = roles.world()
    role = roles.local.role(roles.stack.resources[source.function])
    calls = [
        Call(decision["action"], decision["resource"], decision["decision"], decision["by_resource"])
        for decision in roles.local.decisions()
        if f"/{role}/" in decision["principal"]
    ]
    known = {re.split(r"[:/]", physical)[-1]: name for name, physical in roles.stack.resources.items() if physical}
    statements = granted(roles, role)
    graves = {name.removeprefix("queue ") for name in stage.graves}
    reserved = tuple(physical for physical, name in known.items() if name in graves)
    stage.used[source.function] = Used(calls, statements, known, reserved)
    changed = [str(each) for each in differences(reference.world, world, reference.noise)]
    yield denied(calls, statements, known, "; ".join([*filter(None, [refusal(result)]), *changed]))


def granted(stage: Stage, role: str) -> list[Statement] | None:
    """The statements of a role as it is deployed; None if one of its policies is not here."""
    iam = stage.local.client("iam")
    documents: list[Any] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        documents.append(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        try:
            version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            policy_version = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        except ClientError:
            return None
        documents.append(policy_version["PolicyVersion"]["Document"])
    plain = [json.loads(each) if isinstance(each, str) else each for each in documents]
    return [statement for document in plain for statement in listed(document.get("Statement"))]
