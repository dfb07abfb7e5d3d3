"""File systems that functions mount, of EFS and of S3 Files: a folder for each, which the local AWS lays there.

A function is told by a variable what it mounts where. Two access points of one file system are two folders of it.
"""

import os
import re
from typing import Any

from trials.template import Model, as_dict, listed, text

MOUNTS = "TRIALS_MOUNTS"
FILE_SYSTEMS = ("AWS::EFS::", "AWS::S3Files::")  # how their types begin


def mount(body: dict[str, Any], holders: list[dict[str, Any]]) -> None:
    """Put into the variables of functions what they mount.

    `holders` give functions their file systems and variables.
    """
    template = Model(body)
    for holder in holders:
        systems = [each for one in template.possible(holder.pop("FileSystemConfigs", None)) for each in listed(one)]
        told = [
            {"Fn::Join": ["=", [system["LocalMountPath"], folder(template, system.get("Arn"))]]}
            for system in map(as_dict, systems)
            if "LocalMountPath" in system
        ]
        environment = holder.setdefault("Environment", {}) if told else None
        variables = environment.setdefault("Variables", {}) if isinstance(environment, dict) else None
        if isinstance(variables, dict):
            variables[MOUNTS] = {"Fn::Join": [os.pathsep, told]}


def folder(template: Model, arn: Any) -> str:
    """Where the content of an access point lies: below the name of its file system, by its root there."""
    point = template.resource(arn)
    if not point or not point.type.startswith(FILE_SYSTEMS):
        return plain(text(arn).rsplit("/", 1)[-1]) or "file-system"
    written = point.written("FileSystemId")
    system = template.resource(written)
    root = plain(text(point.written("RootDirectory", "Path")))
    return f"{system.name if system else plain(text(written)) or point.name}/{root}".rstrip("/")


def plain(name: str) -> str:
    """A name that can be a folder's, and leads nowhere else."""
    return re.sub(r"/\.+(?=/|$)", "", re.sub(r"[^\w./-]", "", f"/{name}")).strip("/")
