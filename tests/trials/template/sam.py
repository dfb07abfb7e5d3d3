"""What SAM makes of a template: cfn-lint does not translate, so it passes whatever a SAM resource says."""

import os
from copy import deepcopy
from typing import Any

from trials.template.load import TemplateError

PACKAGED = {  # what `sam package` replaces by an address in S3, by type
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
    "AWS::Serverless::Api": "DefinitionUri",
    "AWS::Serverless::HttpApi": "DefinitionUri",
}
INSTEAD = {"AWS::Serverless::StateMachine": "Definition", "AWS::Serverless::Function": "InlineCode"}


def is_sam(template: dict[str, Any]) -> bool:
    return "AWS::Serverless-2016-10-31" in str(template.get("Transform"))


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation template that SAM makes; raises `TemplateError` with what SAM refuses."""
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM asks for one
    packaged = deepcopy(template)
    for resource in packaged["Resources"].values():
        key, kind = PACKAGED.get(resource["Type"]), resource["Type"]
        properties = resource.get("Properties") or {}
        always = kind in INSTEAD and INSTEAD[kind] not in properties
        if key and (always or isinstance(properties.get(key), str)):
            resource["Properties"] = {**properties, key: "s3://bucket/key"}
    try:
        made = Translator(managed_policy_map={}, sam_parser=Parser()).translate(packaged, parameter_values={})
    except InvalidDocumentException as refused:
        causes = "; ".join(cause.message for cause in refused.causes)
        raise TemplateError(f"{refused.message} {causes}") from refused
    assert isinstance(made, dict)
    return made
