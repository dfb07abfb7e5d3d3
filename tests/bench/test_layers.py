"""Layers that are not here, and the packages that stand in for them."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAws
from trials.local_aws.deployment import PACKAGES
from trials.project import read

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: {{ Handler: app.handler, Runtime: python3.12, CodeUri: src, Layers: [{layer}] }}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {{ ContentUri: shared }}
"""
CODE = "import json\nimport boto3\nimport helper\nfrom yaml import safe_load\nimport requests.adapters\n"


def asked(folder: Path, layer: str, **files: str) -> Any:
    """What stands in for the layers of a function, and the notes on it."""
    named = {"template.yaml": TEMPLATE.format(layer=layer), "src/app.py": CODE, "src/helper.py": "import httpx\n"}
    for name, text in {**named, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = read(folder, "http://outside.example.test")
    return project.body["Resources"]["Work"].get("Metadata", {}).get(PACKAGES, []), project.notes


WANTED = {"requirements.txt": "requests==2.32.3  # for the bank\nPyYAML>=6 ; python_version > '3'\npytest\nhttpx\n"}
NAMED = ["httpx", "requests==2.32.3", "PyYAML>=6"]
SHARED = "!Ref Shared"


def test_what_the_project_names_stands_in_for_a_layer_that_is_not_here(tmp_path: Path) -> None:
    packages, notes = asked(tmp_path, SHARED, **WANTED)

    assert packages == NAMED
    assert f"{', '.join(NAMED)} beside the code of Work: they stand in for what its layers hold" in notes


def test_a_package_that_no_file_names_is_not_taken(tmp_path: Path) -> None:
    assert asked(tmp_path, SHARED)[0] == []


def test_a_function_without_layers_gets_nothing_more_than_on_lambda(tmp_path: Path) -> None:
    assert asked(tmp_path, "", **WANTED)[0] == []


def test_what_the_function_itself_or_a_layer_that_is_here_brings_stays(tmp_path: Path) -> None:
    own = {"src/requirements.txt": "requests==2.0", "shared/python/httpx/__init__.py": "", "shared/python/yaml.py": ""}

    assert asked(tmp_path, SHARED, **WANTED, **own)[0] == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = ["requests==2.32.3"]'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nrequests = "^2"'),
        ("layers/common/requirements-prod.txt", "requests\n"),
        ("Pipfile", '[packages]\nrequests = "*"'),
    ],
)
def test_each_file_that_names_packages_is_read(tmp_path: Path, file: str, text: str) -> None:
    packages, _ = asked(tmp_path, SHARED, **{file: text})

    assert [package.split("=")[0] for package in packages] == ["requests"]


@pytest.mark.parametrize(
    ("arn", "package"),
    [
        ("arn:aws:lambda:us-east-1:770693421928:layer:Klayers-p312-requests:9", ["requests"]),
        ("arn:aws:lambda:us-east-1:336392948345:layer:AWSSDKPandas-Python312:15", []),
    ],
)
def test_a_public_layer_brings_what_its_name_says(tmp_path: Path, arn: str, package: list[str]) -> None:
    assert asked(tmp_path, arn)[0] == package


@pytest.mark.parametrize("lies", [True, False])
def test_a_layer_whose_packages_for_python_nobody_installed_proves_nothing(tmp_path: Path, lies: bool) -> None:
    files = {"shared/python/requirements.txt": "requests\n"}
    _, notes = asked(tmp_path, SHARED, **files, **({"shared/python/requests/__init__.py": ""} if lies else {}))

    assert any(note.startswith("layer Shared lacks its packages: run pip install -r") for note in notes) is not lies


ZIPPED = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: { Handler: app.handler, Runtime: python3.12, CodeUri: work.zip, Layers: [!Ref Shared] }
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: shared.zip }
"""


def test_code_and_layers_that_the_project_zipped_itself_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").write_text(ZIPPED)
    for name, file in (("work.zip", "app.py"), ("shared.zip", "python/helper.py")):
        with zipfile.ZipFile(tmp_path / name, "w") as bundle:
            bundle.writestr(file, "")
    project = read(tmp_path, "http://outside.example.test")
    local: Any = LocalAws.__new__(LocalAws)
    local._home, local._built, local.scratch = tmp_path, {}, None
    packed: list[list[str]] = []

    def package(source: Path, *_: Any, **__: Any) -> str:
        packed.append(sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()))
        return "s3://bucket/key"

    monkeypatch.setattr(local, "_package", package)
    local.pack(project.body, tmp_path)

    assert project.left_out == {}
    assert packed == [["app.py"], ["python/helper.py"]]


BY_PARAMETER = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Shared: { Type: String, Default: "arn:aws:lambda:us-east-1:123456789012:layer:shared:1" }
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: { Handler: app.handler, Runtime: python3.12, InlineCode: "pass", Layers: [!Ref Shared] }
"""


def test_a_layer_that_a_parameter_names_is_in_aws_only(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BY_PARAMETER)
    project = read(tmp_path, "http://outside.example.test")

    assert project.body["Resources"]["Work"]["Properties"]["Layers"] == []
    assert project.layers_left_out


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        ("arn:aws:lambda:eu-west-1:175033217214:layer:graphicsmagick:2", True),
        ("arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7", False),
        ("arn:aws:lambda:eu-west-1:434848589818:layer:AWS-AppConfig-Extension:82", False),
    ],
)
def test_a_layer_of_aws_for_which_nothing_stands_in_is_told_of_its_function(
    layer: str, told: bool, tmp_path: Path
) -> None:
    (tmp_path / "template.yaml").write_text(BY_PARAMETER.replace("!Ref Shared", f'"{layer}"'))

    assert read(tmp_path, "http://outside.example.test").foreign("Work") == ([layer] if told else [])


OTHERS = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Common:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: layers/common }
  Vendor:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: layers/vendor }
  Other:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: layers/other }
Outputs:
  Arn: { Value: !Ref Common, Export: { Name: common } }
"""
LENT = {
    "layers.yaml": OTHERS,
    "layers/common/python/requests/__init__.py": "import yaml\nfrom requests import adapters\n",
    "layers/other/python/else/__init__.py": "",
    "requirements.txt": "httpx\nPyYAML>=6\n",
}


def test_a_layer_that_another_template_makes_is_lent_to_a_function_that_imports_it(tmp_path: Path) -> None:
    packages, notes = asked(tmp_path, "!ImportValue common", **LENT)

    body = read(tmp_path, "http://outside.example.test").body
    assert body["Resources"]["Work"]["Properties"]["Layers"] == [{"Ref": "Lent1"}]
    assert body["Resources"]["Lent1"]["Properties"] == {"ContentUri": "layers/common"}
    assert packages == ["httpx", "PyYAML>=6"]  # the second of what the layer's own code imports
    assert "layer layers/common, which another template makes, is lent to functions that import it" in notes


def test_a_layer_of_the_template_itself_is_not_lent(tmp_path: Path) -> None:
    asked(tmp_path, SHARED, **LENT, **{"shared/python/x.py": ""})

    body = read(tmp_path, "http://outside.example.test").body
    assert body["Resources"]["Work"]["Properties"]["Layers"] == [{"Ref": "Shared"}]


def test_a_layer_of_another_template_for_node_is_lent_whole(tmp_path: Path) -> None:
    node = TEMPLATE.replace("python3.12", "nodejs22.x")
    asked(tmp_path, "!ImportValue common", **LENT, **{"template.yaml": node.format(layer="!ImportValue common")})
    assert read(tmp_path, "http://x.example").body["Resources"]["Work"]["Properties"]["Layers"] == []
    (tmp_path / "layers" / "vendor" / "nodejs").mkdir(parents=True)

    assert read(tmp_path, "http://x.example").body["Resources"]["Lent1"]["Properties"] == {
        "ContentUri": "layers/vendor"
    }
