"""Templates with something left out or put differently, and the names that their authors gave."""

from typing import Any

from trials.template.values import references, substituted


def own_names(template: dict[str, Any]) -> dict[str, str]:
    """Each logical id with the name that its author wrote: CDK adds a hash, and keeps the path of the construct."""
    names = {}
    for logical_id, resource in template["Resources"].items():
        path = resource.get("Metadata", {}).get("aws:cdk:path")
        parts = path.split("/")[1:] if path else [logical_id]
        names[logical_id] = ".".join(part for part in parts if part not in ("Resource", "Default"))
    return names


def secrets_by_arn(template: dict[str, Any]) -> dict[str, Any]:
    """A copy of the template that asks for a secret's ARN, which `Ref` is in CloudFormation; MiniStack's is a name."""
    resources = template["Resources"]
    secrets = {name for name, resource in resources.items() if resource["Type"] == "AWS::SecretsManager::Secret"}

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"Ref"} and value["Ref"] in secrets:
                return {"Fn::GetAtt": [value["Ref"], "Id"]}
            if set(value) == {"Fn::Sub"}:
                text, given = substituted(value["Fn::Sub"])
                for name in secrets - given.keys():
                    text = text.replace(f"${{{name}}}", f"${{{name}.Id}}")
                return {"Fn::Sub": [text, written(given)] if given else text}
            return {key: written(inner) for key, inner in value.items()}
        return [written(inner) for inner in value] if isinstance(value, list) else value

    adapted = written(template)
    assert isinstance(adapted, dict)
    return adapted


def without_bootstrap(template: dict[str, Any]) -> dict[str, Any]:
    """The template without CDK's check of its bootstrap stack, which only an account has."""
    parameters = {name: each for name, each in template.get("Parameters", {}).items() if name != "BootstrapVersion"}
    return {**{key: each for key, each in template.items() if key != "Rules"}, "Parameters": parameters}


def without(template: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template without some resources and without every resource and output that refers to them."""
    resources, gone = dict(template["Resources"]), set(names)
    while gone & resources.keys():
        resources = {name: resource for name, resource in resources.items() if name not in gone}
        gone = {name for name, resource in resources.items() if references(resource) & (names := names | gone)}
    outputs = {name: each for name, each in template.get("Outputs", {}).items() if not references(each) & names}
    return {**template, "Resources": resources, "Outputs": outputs}
