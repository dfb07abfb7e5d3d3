"""Functions without the network that they are in: the local AWS lacks some of its parts, and nothing here needs one.

CDK lets a function in a VPC, its role and its security group wait for the routes of its subnets.
"""

from typing import Any

from trials.template import Model, listed

PARTS = ("AWS::EC2::", "AWS::EFS::", "AWS::S3Files::")  # how their types begin


def take_out(body: dict[str, Any], holders: list[dict[str, Any]]) -> None:
    """Let functions be in no VPC, and nothing wait for one's parts; `holders` give functions their VPC."""
    resources = Model(body).resources
    parts = {name for name, resource in resources.items() if resource.type.startswith(PARTS)}
    for resource in body["Resources"].values():
        if isinstance(resource, dict) and "DependsOn" in resource:
            resource["DependsOn"] = [name for name in listed(resource["DependsOn"]) if name not in parts]
    for holder in holders:
        holder.pop("VpcConfig", None)
