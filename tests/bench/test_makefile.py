"""What a project's own Makefile makes is made by what it says, and nothing of it is run."""

from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAws, makefile
from trials.local_aws.packaging import PackagingError


def folder(tmp_path: Path, recipe: str, before: str = "") -> Path:
    (source := tmp_path / "source").mkdir()
    (source / "Makefile").write_text(before + "build-Work:\n" + "".join(f"\t{line}\n" for line in recipe.splitlines()))
    (source / "app.py").write_text("code")
    (source / "shared").mkdir()
    (source / "shared" / "util.py").write_text("code")
    (source / "requirements.txt").write_text("pkg")
    (tmp_path / "work").mkdir()
    return source


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def packages(requirements: Path | None, named: list[str], _: Path) -> Path:
        (kept := tmp_path / "kept").mkdir(exist_ok=True)
        for name in [*named, *(requirements.read_text().split() if requirements else [])]:
            (kept / f"{name}.py").touch()
        return kept

    monkeypatch.setattr(makefile, "packages", packages)


@pytest.mark.parametrize(
    ("recipe", "files"),
    [
        ("cp -r app.py shared $(ARTIFACTS_DIR)", ["app.py", "shared/util.py"]),
        ('@mkdir -p "$(ARTIFACTS_DIR)/python" && cp *.py "$(ARTIFACTS_DIR)/python"', ["python/app.py"]),
        ("cp -R ./shared/ \\\n  $(ARTIFACTS_DIR)/common", ["common/util.py"]),
        ("cd shared; cp util.py $(ARTIFACTS_DIR)/", ["util.py"]),
        ("python -m pip install -r requirements.txt -t $(ARTIFACTS_DIR)/python", ["python/pkg.py"]),
        ("pip3 install --upgrade other --target $(ARTIFACTS_DIR)\n-rm -rf $(ARTIFACTS_DIR)/pkg.py", ["other.py"]),
        ("echo building\ncp app.py $(ARTIFACTS_DIR)/main.py", ["main.py"]),
    ],
)
def test_a_recipe_that_copies_and_installs_is_followed(tmp_path: Path, recipe: str, files: list[str]) -> None:
    source = folder(tmp_path, recipe)
    made = makefile.made(source, "Work", tmp_path / "work")

    assert sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()) == files
    assert not list(source.glob("node_modules"))


@pytest.mark.parametrize(
    ("recipe", "before", "said"),
    [
        ("./build.sh $(ARTIFACTS_DIR)", "", "runs `./build.sh"),
        ("go build -o $(ARTIFACTS_DIR)/bootstrap", "", "runs `go build"),
        ("cat app.py > $(ARTIFACTS_DIR)/app.py", "", "runs `cat"),
        ("cp ../secret $(ARTIFACTS_DIR)", "", "outside of its folder"),
        ("rm -rf /", "", "outside of its folder"),
        ("cp dist/app.js $(ARTIFACTS_DIR)", "", "copies app.js, which is not there"),
        ("cp app.py $(ARTIFACTS_DIR)", "NOW := $(shell touch touched)\n", "while it is read"),
        ("+touch touched", "", "while it is read"),
    ],
)
def test_every_other_command_is_named_and_not_run(tmp_path: Path, recipe: str, before: str, said: str) -> None:
    source = folder(tmp_path, recipe, before)
    with pytest.raises(PackagingError, match=said):
        makefile.made(source, "Work", tmp_path / "work")
    assert not list(tmp_path.rglob("touched"))


def test_a_rule_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="has no rule build-Other"):
        makefile.made(folder(tmp_path, "cp app.py $(ARTIFACTS_DIR)"), "Other", tmp_path / "work")


def test_a_function_whose_build_method_is_make_is_packaged_by_its_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, "cp shared/util.py $(ARTIFACTS_DIR)/app.py")
    packaged: list[Any] = []

    def package(_: LocalAws, source: Path, **how: Any) -> str:
        packaged.append(([path.name for path in source.iterdir()], how))
        return "s3://bucket/key"

    monkeypatch.setattr(LocalAws, "_package", package)
    local = LocalAws(home=tmp_path / "work")
    monkeypatch.setattr(local, "_home", tmp_path / "work", raising=False)  # which it has once it is entered
    properties = {"CodeUri": "source", "Runtime": "python3.13", "Handler": "app.handler"}
    function = {"Type": "AWS::Serverless::Function", "Metadata": {"BuildMethod": "makefile"}, "Properties": properties}
    body = local.pack({"Resources": {"Work": function}}, tmp_path)

    assert packaged == [(["app.py"], {"built": True})]
    assert body["Resources"]["Work"]["Properties"]["CodeUri"] == "s3://bucket/key"
