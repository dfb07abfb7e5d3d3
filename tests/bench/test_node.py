"""What is loaded before a function in JavaScript changes how it is carried, never what it does."""

import json
import os
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAws, javascript, layers
from trials.local_aws.archive import files
from trials.local_aws.compiled import compiled_from
from trials.local_aws.javascript import PRELOADS
from trials.local_aws.layers import layer_files
from trials.local_aws.packaging import PackagingError
from trials.project import Kind, Source
from trials.project.accounted import needed
from trials.verdicts.judge import does_not_start

HANDLERS = "class NodeHttpHandler {}\nclass NodeHttp2Handler {}\nmodule.exports = { NodeHttpHandler, NodeHttp2Handler }"
CLIENT = "const { NodeHttp2Handler } = require('@smithy/node-http-handler'); exports.client = new NodeHttp2Handler()"
COMMONJS = "const { client } = require('client'); console.log(client)"
MODULE = "import sdk from 'client'; console.log(sdk.client)"


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "code"), [("app.cjs", COMMONJS), ("app.mjs", MODULE)])
def test_a_client_that_would_speak_http_2_speaks_what_the_local_aws_does(tmp_path: Path, name: str, code: str) -> None:
    (handlers := tmp_path / "node_modules" / "@smithy" / "node-http-handler").mkdir(parents=True)
    (handlers / "index.js").write_text(HANDLERS)
    (client := tmp_path / "node_modules" / "client").mkdir()
    (client / "index.js").write_text(CLIENT)
    (tmp_path / name).write_text(code)
    loaded = [word for path in PRELOADS for word in ("--require", str(path))]

    said = subprocess.run(["node", *loaded, name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "NodeHttpHandler {}"


def test_a_client_of_the_sdk_that_code_asks_for_is_brought_as_lambda_brings_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (s3 := tmp_path / "always" / "@aws-sdk" / "client-s3").mkdir(parents=True)
    (s3 / "package.json").write_text('{"version": "3.1175.0"}')
    (tmp_path / "always" / "esbuild").mkdir()
    (more := tmp_path / "more" / "@aws-sdk" / "client-rekognition").mkdir(parents=True)
    (more / "index.js").write_text("exports.found = true")
    (source := tmp_path / "source").mkdir()
    (source / "app.mjs").write_text(
        "import { A } from '@aws-sdk/client-rekognition'; import { B } from '@aws-sdk/client-s3'"
    )
    (source / "node_modules").mkdir()
    (source / "node_modules" / "other.js").write_text("require('@aws-sdk/client-glue')")
    asked: list[Any] = []

    def installed(manifest: Path, *_: Any) -> Path:
        asked.append(json.loads(manifest.read_text())["dependencies"])
        return more.parents[1]

    monkeypatch.setattr(javascript, "runtime_modules", lambda: s3.parents[1])
    monkeypatch.setattr(javascript, "installed", installed)
    monkeypatch.setattr(javascript, "ENVIRONMENT", tmp_path)
    local = LocalAws.__new__(LocalAws)
    local._home = tmp_path / "home"
    local._bring_node()
    local._bring_clients(source)

    assert asked == [{"@aws-sdk/client-rekognition": ">=3.0.0 <3.1176.0"}]
    brought = local._home / "node_modules"
    assert (brought / "@aws-sdk" / "client-rekognition" / "index.js").is_file()
    assert (brought / "@aws-sdk" / "client-s3" / "package.json").is_file()
    assert not does_not_start(
        "Worker init failed: Cannot find package '@aws-sdk/client-glue' imported from /code/a.mjs"
    )


@pytest.mark.parametrize(
    ("method", "code", "modules"),
    [
        ("python3.13", "python/shared/__init__.py", ""),
        ("nodejs22.x", "nodejs/shared/__init__.py", "nodejs/node_modules/zod/index.js"),
        ("makefile", "shared/__init__.py", ""),
        ("none", "shared/__init__.py", ""),
    ],
)
def test_a_layer_lies_where_sam_build_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, code: str, modules: str
) -> None:
    (brought := tmp_path / "kept" / "zod").mkdir(parents=True)
    (brought / "index.js").write_text("")
    (shared := tmp_path / "layer" / "shared").mkdir(parents=True)
    (shared / "__init__.py").write_text("")
    monkeypatch.setattr(javascript, "packages", lambda _: brought.parent)

    found = {path.as_posix() for path in layer_files(shared.parent, method, tmp_path)}
    assert code in found
    assert (modules in found) if modules else not any("node_modules" in path for path in found)


def test_a_layer_is_taken_with_the_packages_that_lie_in_it(tmp_path: Path) -> None:
    """`npm install` links a package of the project, and `sam deploy` follows the link."""
    (own := tmp_path / "nodejs" / "src" / "service").mkdir(parents=True)
    (own / "index.js").write_text("")
    (own / "around").symlink_to("..")
    (modules := tmp_path / "nodejs" / "node_modules" / "uuid").mkdir(parents=True)
    (modules / "index.js").write_text("")
    (modules / "index.d.ts").write_text("")
    (modules.parent / "service").symlink_to("../src/service")
    (tmp_path / "node_modules" / "eslint").mkdir(parents=True)
    (tmp_path / "node_modules" / "eslint" / "index.js").write_text("")

    held = {path.as_posix() for path in layer_files(tmp_path, "none", tmp_path / "work")}
    assert held == {
        "nodejs/src/service/index.js",
        "nodejs/node_modules/service/index.js",
        "nodejs/node_modules/uuid/index.js",
    }


def test_what_a_layer_s_own_manifest_names_is_installed_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (brought := tmp_path / "kept" / "zod").mkdir(parents=True)
    (brought / "index.js").write_text("")
    (own := tmp_path / "layer" / "nodejs").mkdir(parents=True)
    (own / "package.json").write_text("{}")
    monkeypatch.setattr(javascript, "packages", lambda source: brought.parent if source == own else None)

    held = {path.as_posix() for path in layer_files(tmp_path / "layer", "none", tmp_path)}
    assert "nodejs/node_modules/zod/index.js" in held


def test_what_a_layer_s_requirements_name_lies_below_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (brought := tmp_path / "kept" / "requests").mkdir(parents=True)
    (brought / "__init__.py").write_text("")
    (lies := tmp_path / "layer" / "python").mkdir(parents=True)
    (lies / "requirements.txt").write_text("requests\n")
    (lies / "helper.py").write_text("")
    monkeypatch.setattr(layers, "packages", lambda *_: brought.parent)

    held = {path.as_posix() for path in layer_files(tmp_path / "layer", "none", tmp_path)}
    assert {"python/requests/__init__.py", "python/helper.py"} <= held


@pytest.mark.parametrize(
    ("runtime", "older"),
    [("nodejs8.10", True), ("nodejs6.10", True), ("nodejs16.x", True), ("nodejs18.x", False), ("nodejs24.x", False)],
)
def test_the_runtimes_that_bring_version_2_of_the_sdk_are_known(runtime: str, older: bool) -> None:
    assert (runtime in javascript.OLDER) is older


def test_a_package_is_taken_in_the_version_that_another_manifest_names(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (root := tmp_path / "services" / "orders").mkdir(parents=True)
    (layer := tmp_path / "layers" / "shared" / "nodejs").mkdir(parents=True)
    (layer / "package.json").write_text('{"dependencies": {"uuid": "^9", "@shop/money": "1.0.0"}}')
    (tmp_path / "package.json").write_text('{"devDependencies": {"zod": "3"}}')
    (inner := tmp_path / "node_modules" / "x").mkdir(parents=True)
    (inner / "package.json").write_text('{"dependencies": {"left": "1"}}')
    names = {javascript.package_of(name) for name in ("uuid/v4", "@shop/money/cents", "zod", "left", "none")}

    assert javascript.named_elsewhere(root, names) == {"uuid": "^9", "@shop/money": "1.0.0", "zod": "3"}


def test_code_is_packaged_with_what_it_links_to(tmp_path: Path) -> None:
    (shared := tmp_path / "shared").mkdir()
    (shared / "prices.py").write_text("")
    (code := tmp_path / "work").mkdir()
    (code / "shared").symlink_to("../shared")
    (code / "prices.py").symlink_to("../shared/prices.py")
    (code / "gone.py").symlink_to("../gone.py")
    (home := tmp_path / "home").mkdir()
    local = LocalAws.__new__(LocalAws)
    local._home = home

    archive = local._zip(code, "", False)
    assert zipfile.ZipFile(archive).namelist() == ["prices.py", "shared/prices.py"]


CONFIGURED = """{
  // compiled by npm run build
  "compilerOptions": { "outDir": "./dist", /* where to */ "rootDir": "./src", "target": "es2022", },
}"""


@pytest.mark.parametrize(
    ("folder", "module"),
    [(".", "dist/http/place"), ("dist", "http/place"), ("dist/http", "place"), ("services/../dist", "http/place")],
)
def test_code_that_the_project_s_build_compiles_is_bundled_from_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, module: str
) -> None:
    (modules := tmp_path / "brought" / "node_modules" / "@aws-sdk").mkdir(parents=True)
    monkeypatch.setattr(javascript, "runtime_modules", lambda: modules.parent)
    (project := tmp_path / "project" / "src" / "http").mkdir(parents=True)
    (project.parents[1] / "tsconfig.json").write_text(CONFIGURED)
    (project / "place.ts").write_text("export const handler = async () => 1;")
    asked: list[Any] = []

    def errand(command: list[str], *_: Any, **more: Any) -> Any:
        asked.append((command, more))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(javascript, "errand", errand)
    javascript.build(project.parents[1] / folder, f"{module}.handler", {}, tmp_path / "work")

    ((command, more),) = asked
    assert (more["cwd"] / command[1]).samefile(project / "place.ts")
    assert f"--tsconfig={more['cwd'] / 'tsconfig.json'}" in command
    out = next(word for word in command if word.startswith("--outdir="))
    assert out.removesuffix("/.").endswith(("bundled", f"bundled/{Path(module).parent}"))


@pytest.mark.parametrize(
    ("code", "module", "source"),
    [
        ("dist/place", "handler", "src/lambdas/place/handler.ts"),
        ("dist", "place", "lib/place/index.js"),
        ("build/places", "place.app", "src/places/place.app.ts"),
        ("out/pay/pay.zip", "index", "src/adapters/pay.ts"),
        ("dist", "twice", ""),  # two sources are called so
        ("dist", "tried", ""),  # only a test is
        ("code/dist/place", "handler", ""),  # the manifest that builds is above
    ],
)
def test_code_that_a_script_of_the_project_bundles_comes_from_the_only_source_called_so(
    tmp_path: Path, code: str, module: str, source: str
) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"build": "tsx ./esbuild.config.ts"}}')
    files = ["src/lambdas/place/handler.ts", "lib/place/index.js", "src/places/place.app.ts", "tests/tried.ts"]
    files.append("src/adapters/pay.ts")
    for file in [*files, "a/twice.ts", "b/twice.ts", "node_modules/x/place/handler.ts"]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("export const handler = async () => 1;")

    made_of = compiled_from(tmp_path / code, module)
    assert (str(made_of.entry.relative_to(made_of.root)) if made_of else "") == source
    (tmp_path / "package.json").write_text('{"scripts": {"test": "vitest"}}')
    assert compiled_from(tmp_path / code, module) is None


@pytest.mark.parametrize(
    ("code", "module", "asked"),
    [
        ("out/pay", "index", "index=src/pay.ts"),
        ("dist", "pay", "src/pay.ts"),
        ("dist", "shop", "shop=src/shop/index.ts"),
    ],
)
def test_what_is_bundled_is_called_as_the_handler_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, module: str, asked: str
) -> None:
    (modules := tmp_path / "brought" / "node_modules" / "@aws-sdk").mkdir(parents=True)
    monkeypatch.setattr(javascript, "runtime_modules", lambda: modules.parent)
    (project := tmp_path / "project").mkdir()
    (project / "package.json").write_text('{"scripts": {"build": "node build.js"}}')
    for file in ("src/pay.ts", "src/shop/index.ts"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text("export const handler = async () => 1;")
    commands: list[list[str]] = []

    def errand(command: list[str], *_: Any, **__: Any) -> Any:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(javascript, "errand", errand)
    javascript.build(project / code, f"{module}.handler", {}, tmp_path / "work")
    assert commands[0][1] == asked

    lacking = subprocess.CompletedProcess([], 1, "", 'Could not resolve "dd-trace"')
    monkeypatch.setattr(javascript, "errand", lambda *_, **__: lacking)
    with pytest.raises(PackagingError, match="needs dd-trace"):
        javascript.build(project / code, f"{module}.handler", {}, tmp_path / "work")


@pytest.mark.parametrize(("folder", "module"), [(".", "dist/place"), ("dist", "place")])
def test_code_that_only_an_unknown_build_would_make_is_not_built(tmp_path: Path, folder: str, module: str) -> None:
    (tmp_path / "app.js").write_text("exports.handler = 1")
    with pytest.raises(PackagingError, match="is not built"):
        javascript.build(tmp_path / folder, f"{module}.handler", {}, tmp_path / "work")
    assert "build it first" in reason_to_supply(f"its handler, {module}.handler, is not built here")


def reason_to_supply(why: str) -> str:
    return needed(Source(Kind.DIRECT, "Work", "Work"), why)


STREAMS = {
    "what is piped": ("await pipeline(Readable.from(['a', 'b']), stream)", "{}", '"ab"'),
    "an answer to a request": ("stream.end('a')", '{"requestContext": {}}', '{"statusCode":200,"body":"a"}'),
    "with its metadata": (
        "const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); out.write('a'); out.end()",
        "{}",
        '{"statusCode":201,"body":"a"}',
    ),
    "a handler that returns before its stream ends": ("setTimeout(() => stream.end('late'), 20)", "{}", '"late"'),
    "a handler that fails with its stream open": ("stream.write('a'); throw new Error('failed')", "{}", "failed"),
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", STREAMS)
def test_a_response_that_is_streamed_is_collected(tmp_path: Path, name: str) -> None:
    body, event, answer = STREAMS[name]
    (tmp_path / "app.mjs").write_text(
        "import { Readable } from 'node:stream'; import { pipeline } from 'node:stream/promises';\n"
        f"const handler = awslambda.streamifyResponse(async (event, stream) => {{ {body} }});\n"
        f"console.log(await handler({event}, {{}}).then(JSON.stringify, (error) => error.message));"
    )
    loaded = [word for path in PRELOADS for word in ("--require", str(path))]
    done = subprocess.run(["node", *loaded, "app.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == answer, done.stderr


OLD = "exports.config = { update(more) { Object.assign(this, more) } }"
PARTS = {
    "whole": "const sdk = require('aws-sdk')",
    "one client": "require('aws-sdk/clients/sqs'); const sdk = require('aws-sdk/global')",
}


@pytest.mark.e2e
@pytest.mark.parametrize("way", PARTS)
def test_version_2_of_the_sdk_is_told_where_the_local_aws_is(tmp_path: Path, way: str) -> None:
    (sdk := tmp_path / "node_modules" / "aws-sdk" / "clients").mkdir(parents=True)
    (sdk / "sqs.js").write_text("module.exports = class SQS {}")
    (sdk.parent / "global.js").write_text(OLD)
    (sdk.parent / "index.js").write_text("module.exports = require('./global')")
    (tmp_path / "app.js").write_text(f"{PARTS[way]}; console.log(sdk.config.endpoint, sdk.config.s3ForcePathStyle)")
    loaded = [word for path in PRELOADS for word in ("--require", str(path))]
    environment = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

    done = subprocess.run(["node", *loaded, "app.js"], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "http://127.0.0.1:9 true", done.stderr


@pytest.mark.parametrize(("runtime", "brought"), [("nodejs16.x", True), ("nodejs20.x", False), ("python3.14", False)])
def test_only_the_runtimes_that_brought_it_along_find_version_2_of_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, brought: bool
) -> None:
    monkeypatch.setattr(javascript, "older_modules", lambda: tmp_path)
    monkeypatch.setattr(LocalAws, "_bring_node", lambda _: None)
    properties: dict[str, Any] = {"Runtime": runtime, "InlineCode": "x"}
    local = LocalAws.__new__(LocalAws)
    local.scratch = None
    local._pack_one({"Type": "AWS::Serverless::Function", "Properties": properties}, properties, tmp_path, ())

    assert ("Environment" in properties) is brought
    assert not brought or properties["Environment"]["Variables"] == {"NODE_PATH": str(tmp_path)}


@pytest.mark.parametrize("brought", [True, False])
def test_the_packages_of_a_function_are_packaged_and_never_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brought: bool
) -> None:
    (source := tmp_path / "source").mkdir()
    (source / "app.js").write_text("exports.handler = async () => require('zod')")
    modules = source / "node_modules" if brought else tmp_path / "kept"
    (modules / "zod").mkdir(parents=True)
    (modules / "zod" / "index.js").write_text("exports.z = {}")
    if not brought:
        monkeypatch.setattr(javascript, "packages", lambda _: modules)
    code = javascript.build(source, "app.handler", {}, tmp_path / "work")
    assert {path.as_posix() for path in files(code)} == {"app.js", "node_modules/zod/index.js"}
    assert (code / "node_modules").resolve() == modules.resolve()


def test_what_is_bundled_may_come_from_the_folder_above(tmp_path: Path) -> None:
    (code := tmp_path / "src" / "orders").mkdir(parents=True)
    assert javascript.packages_above(code) is None

    (modules := tmp_path / "node_modules").mkdir()
    (tmp_path / "package.json").write_text('{"dependencies": {"x": "1"}}')
    assert javascript.packages_above(code) == modules.resolve()

    (code / "package.json").write_text("{}")
    assert javascript.packages_above(code) is None


def test_no_manifest_beyond_the_repository_is_taken(tmp_path: Path) -> None:
    (code := tmp_path / "src").mkdir()
    (code / ".git").mkdir()
    (inner := code / "orders").mkdir()
    (tmp_path / "package.json").write_text('{"dependencies": {"x": "1"}}')
    (tmp_path / "node_modules").mkdir()

    assert javascript.packages_above(inner) is None


def test_code_that_imports_from_above_is_bundled_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modules := tmp_path / "runtime" / "@aws-sdk").mkdir(parents=True)
    monkeypatch.setattr(javascript, "runtime_modules", lambda: modules.parent)
    asked: list[tuple[Path, str]] = []

    def errand(command: list[str], environment: Any = None, cwd: Path = tmp_path) -> Any:
        asked.append((cwd, (environment or {}).get("NODE_PATH", "")))
        failed = cwd == tmp_path / "copy"
        return subprocess.CompletedProcess(command, int(failed), "", 'Could not resolve "../shared"' if failed else "")

    monkeypatch.setattr(javascript, "errand", errand)
    properties = {"EntryPoints": ["app.ts"]}
    javascript.bundle(tmp_path / "copy", properties, "app.handler", tmp_path / "out", tmp_path / "src")

    copy = tmp_path / "copy"
    assert asked == [(copy, ""), (tmp_path / "src", str(copy / "node_modules"))]


def test_a_package_that_only_a_manifest_above_names_is_bundled_if_it_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (modules := tmp_path / "runtime" / "@aws-sdk").mkdir(parents=True)
    (code := tmp_path / "src").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "package.json").write_text('{"devDependencies": {"aws-sdk": "~2", "shared": "file:./shared"}}')
    monkeypatch.setattr(javascript, "runtime_modules", lambda: modules.parent)
    monkeypatch.setattr(javascript, "of_names", lambda versions: tmp_path / json.dumps(versions))
    places: list[str] = []

    def errand(command: list[str], environment: Any = None, **_: Path) -> Any:
        places.append((environment or {}).get("NODE_PATH", ""))
        refusal = 'Could not resolve "aws-sdk/clients/sns" Could not resolve "shared"' if len(places) == 1 else ""
        return subprocess.CompletedProcess(command, int(bool(refusal)), "", refusal)

    monkeypatch.setattr(javascript, "errand", errand)
    javascript.bundle(code, {"EntryPoints": ["app.ts"]}, "app.handler", tmp_path / "out", code)

    assert places == ["", f"{code / 'node_modules'}:{tmp_path / json.dumps({'aws-sdk': '~2'})}"]


def test_code_is_bundled_with_the_settings_above_it_unless_it_brings_its_own(tmp_path: Path) -> None:
    (code := tmp_path / "src" / "orders").mkdir(parents=True)
    assert javascript.settings_above(code, code) == []

    (tmp_path / "tsconfig.json").write_text("{}")
    assert javascript.settings_above(code, code) == [f"--tsconfig={tmp_path.resolve() / 'tsconfig.json'}"]

    (code / "tsconfig.json").write_text("{}")
    assert javascript.settings_above(code, code) == []


def test_packages_that_cannot_be_had_are_asked_for_once_in_ten_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(javascript, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: "npm")
    (manifest := tmp_path / "package.json").write_text("{}")
    asked: list[list[str]] = []

    def errand(command: list[str], **_: Any) -> Any:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "404 Not Found")

    monkeypatch.setattr(javascript, "errand", errand)
    for _ in range(2):
        with pytest.raises(PackagingError, match="404 Not Found"):
            javascript.installed(manifest, None, "private")
    assert len(asked) == 1

    os.utime(tmp_path / "node" / "private" / ".refused", (0, 0))
    with pytest.raises(PackagingError, match="404 Not Found"):
        javascript.installed(manifest, None, "private")
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("installed", "wanted", "told"),
    [(False, "service", True), (True, "service", False), (False, "./service", False), (False, "another", False)],
)
def test_a_package_that_nobody_installed_is_named_with_the_folder_to_install_it_in(
    tmp_path: Path, installed: bool, wanted: str, told: bool
) -> None:
    (code := tmp_path / "src" / "function" / "user" / "add").mkdir(parents=True)
    (tmp_path / "package.json").write_text('{"devDependencies": {"service": "file:./src/service"}}')
    if installed:
        (tmp_path / "node_modules").mkdir()

    said = javascript.not_installed(code, f'✘ [ERROR] Could not resolve "{wanted}" index.ts:2:28')
    assert (f"run npm install in {tmp_path} first, which names service" in said) is told


@pytest.mark.e2e
def test_a_manifest_that_many_want_at_once_is_whole_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(javascript, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(javascript, "installed", lambda manifest, *_: manifest.read_text())
    versions = {f"package-{number}": "1.0.0" for number in range(500)}

    with ThreadPoolExecutor(8) as pool:
        read = set(pool.map(lambda _: str(javascript.of_names(versions)), range(400)))

    assert len(read) == 1
