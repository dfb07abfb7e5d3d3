"""The checks themselves: each flags what it is for, passes what is right, and fails when it looked at nothing."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from support import commands, facts, node, policies, snippets, templates
from support.documents import ROOT, Fence, anchors, fences, links, rows, tokens
from support.handlers import references, state
from support.mistakes import Break, Mutant, breaks, edited, mutants, sow
from support.mutants import catcher, copied, known
from support.new_pattern import make, open_places
from support.promises import promised
from support.rounds import EVERYTHING, PATTERNS, QUICK, left_out, marks
from trials.examples import patterns
from trials.local_aws import LocalAws, LocalAwsError, seen, wait_for
from trials.template import read_template

WORKER = ROOT / "examples" / "queue_worker" / "template.yaml"


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("aws sqs start-message-move-task --source-arn $DLQ", ""),
        ("aws --endpoint-url http://localhost sqs list-queues", ""),
        ("uv run examples/run.py --keep", ""),
        ("uvx cfn-lint -a tests/rules template.yaml", ""),
        ("aws sqs redrive-everything", "no operation 'redrive-everything'"),
        ("aws squeues list", "no command 'squeues'"),
        ("aws sqs list-queues --all-of-them", "has no --all-of-them"),
        ("uv run --fast x", "has no --fast"),
        ("uv runn x", "no command 'runn'"),
        ("cfn-lint --strictest", "has no --strictest"),
        ("sam deploy --template packaged.yaml --no-fail-on-empty-changeset", ""),
        ("sam remote invoke ShipOrders --event-file=event.json", ""),
        ("sam ship", "has no command 'ship'"),
        ("sam remote call x", "has no command 'call'"),
        ("sam remote", "names no command"),
        ("sam build --clear-cache", "has no --clear-cache"),
        ("python3 -m compileall -q build", ""),
        ("python3 -m compileall --invalidation x build", "has no --invalidation"),
        ("python3 -m compiletheworld build", "no module 'compiletheworld'"),
        ("python3 setup.py", "no check knows"),
        ("true && terraformm apply", "no check knows the program 'terraformm'"),
        ("if true; then", "syntax error"),
        ("# nothing to see", "no command"),
    ],
)
def test_commands(script: str, complaint: str) -> None:
    found = commands.complaints(script)

    assert bool(found) == bool(complaint)
    assert complaint in " ".join(found)


@pytest.mark.parametrize(
    ("address", "first"),
    [
        ("examples/queue_worker/app.py#ship", "def ship("),
        ("examples/queue_worker/app.py#book", "@idempotent_function("),
        ("examples/queue_worker/app.py#once,Order", "once = "),
        ("examples/queue_worker/template.yaml#OrdersDlq", "OrdersDlq:"),
        ("examples/queue_worker/template.yaml#ShipOrders.Events", "Events:"),
    ],
)
def test_excerpts(address: str, first: str) -> None:
    text = snippets.excerpt(address)

    assert text.startswith(first)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_an_excerpt_ends_where_its_symbol_ends() -> None:
    assert "TlsOnly" not in snippets.excerpt("examples/queue_worker/template.yaml#OrdersDlq")
    assert "def handler" not in snippets.excerpt("examples/queue_worker/app.py#ship")


def test_what_a_stack_makes_is_quoted_by_the_name_it_gives_it() -> None:
    text = snippets.excerpt("examples/queue_worker/stack.py#QueueWorker.orders")

    assert text.startswith("orders = Queue(\n    self,\n")
    assert text.endswith("max_receive_count=40),  # 39 pauses, see template.yaml\n)\n")


def test_states_of_nested_machines_are_found(tmp_path: Path) -> None:
    machine = '{"States": {"Each": {"ItemProcessor": {"States": {"Inner": {"Type": "Pass"}}}}, "Last": {}}}'
    (tmp_path / "m.asl.json").write_text(machine)

    assert {"Each", "Inner", "Last"} <= set(snippets.spans(tmp_path / "m.asl.json"))


def test_exported_typescript_names_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text(
        "import x from 'x';\nconst hidden = 1;\nexport const one = { a: 1 };\n\n"
        "export class Two {\n  three = 3;\n}\nexport function four(): void {}\nexport type Five = string;\n"
    )

    assert snippets.spans(tmp_path / "a.ts") == {"one": (2, 3), "Two": (4, 7), "four": (7, 8), "Five": (8, 9)}


@pytest.mark.e2e
def test_diagrams() -> None:
    good = 'flowchart LR\n  A[shop] -->|"5 receives"| B[(dead letters)]\n'

    said = node.diagrams([good, "flowchart LR\n  A[shop --> B", "graf LR\n A --> B", good])

    assert [bool(complaint) for complaint in said] == [False, True, True, False]


def test_a_missing_symbol_names_those_that_exist() -> None:
    with pytest.raises(snippets.SnippetError, match=r"app.py has no shipp; it has .*ship"):
        snippets.excerpt("examples/queue_worker/app.py#shipp")
    with pytest.raises(snippets.SnippetError, match="does not exist"):
        snippets.excerpt("examples/queue_worker/no.py")


def test_a_stale_quote_is_noticed_and_repaired(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    address = "examples/queue_worker/app.py#Order"
    document.write_text(f"# Page\n\n```python {address}\nclass Order: pass\n```\n\ntext\n")
    (fence,) = fences(document)

    assert snippets.stale(fence)
    assert snippets.repair(document) == 1
    assert not snippets.stale(fences(document)[0])
    assert document.read_text().endswith("```\n\ntext\n")
    assert snippets.repair(document) == 0


def test_documents_are_read_as_github_shows_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` & c\n\n[x](y.md#z)\n\n| h |\n| --- |\n| [r](s) |\n\n```text\nt\n```\n\n    indented\n")

    assert anchors(page) == {"a-b--c"}
    assert [link.target for link in links(page)] == ["y.md#z", "s"]
    assert rows(page.read_text()) == [["[r](s)"]]
    assert [(fence.language, fence.text) for fence in fences(page)] == [("text", "t\n"), ("indented", "indented\n")]
    assert isinstance(fences(page)[0], Fence)


def test_tokens_are_counted() -> None:
    assert tokens("") == 0
    assert tokens("dead-letter queue " * 100) > 200


def test_facts() -> None:
    number = facts.Fact("n", "1,000", 1000, botocore="lambda/MaximumConcurrency.max")
    assert facts.agrees(number)
    assert not facts.agrees(facts.Fact("n", "999", 999, botocore="lambda/MaximumConcurrency.max"))
    assert not facts.agrees(facts.Fact("r", "x", "python2.0", botocore="lambda/Runtime.enum"))
    with pytest.raises(LookupError):
        facts.agrees(facts.Fact("x", "x", 1, botocore="lambda/NoSuchShape.max"))
    assert facts.months_old(facts.Fact("u", "x", 1, url="u", read="2025-11"), date(2026, 12, 1)) == 13


def proved_by(value: str | int, **proof: str) -> facts.Fact:
    return facts.Fact("id", "words", value, **proof)


def test_a_fact_is_proved_by_a_schema_a_package_or_a_test() -> None:
    schema = "AWS::Lambda::Function/properties.Timeout.minimum"
    module = "aws-lambda-powertools/aws_lambda_powertools/utilities/batch/base.py"
    here = "tests/test_support.py::test_a_fact_is_proved_by_a_schema_a_package_or_a_test"

    assert facts.agrees(proved_by(1, cfn=schema))
    assert not facts.agrees(proved_by(2, cfn=schema))
    assert facts.agrees(proved_by("raise_on_entire_batch_failure", package=module))
    assert not facts.agrees(proved_by("raise_on_no_batch_failure", package=module))
    assert facts.agrees(proved_by(1, test=here))
    assert not facts.agrees(proved_by(1, test=f"{here}_and_more"))


@pytest.mark.parametrize(
    "proof", [{}, {"url": "https://a"}, {"test": "a", "read": "2026-11"}, {"test": "a", "botocore": "b"}], ids=str
)
def test_a_fact_has_exactly_one_proof(proof: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give one of"):
        _ = proved_by(1, **proof).proof


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A queue keeps it 14 days.", ["14"]),
        ("| a | `Retries: 3` |\n| --- | --- |\n| b | 1,000.5 s |", ["3", "1,000.5"]),
        ("Every wording of up to 14\ndays is known.", []),
        ("It answers 502 or 4xx, per RFC 9457, on `python3.14` and [S3](https://a/2).", []),
        ("```text\n99\n```", []),
        ("---\nversion: 7\n---\nText", []),
    ],
)
def test_a_number_in_prose_needs_a_fact(tmp_path: Path, text: str, found: list[str]) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)

    assert [each.split(":")[0] for each in facts.unproved(path, ["up to 14 days"])] == found


def test_policies() -> None:
    allowed = {"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage", "dynamodb:Get*"], "Resource": "x"}]}
    invented = {"Statement": {"Effect": "Allow", "Action": ["sqs:SendMessages", "sqss:Send*"]}}

    assert policies.unknown_actions(allowed) == []
    assert policies.unknown_actions(invented) == ["sqs:SendMessages", "sqss:Send*"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("VisibilityTimeout: 360", "VisibilityTimeout: 359", "E9101"),
        ("Timeout: 60 #", "Timeout: 61 #", "E9101"),
        ("FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "E9102"),
        ("      RedrivePolicy: { deadLetterTargetArn: !GetAtt OrdersDlq.Arn, maxReceiveCount: 40 }\n", "", "E9103"),
        ("maxReceiveCount: 40", "maxReceiveCount: 2", "E9103"),
        ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 3600", "E9104"),
        ("      MessageRetentionPeriod: 1209600", "      DelaySeconds: 0", "E9104"),
        ("Runtime: python3.14", "Runtime: python3.9", "deprecated"),
        ("AttributeType: S", "AttributeType: Text", "E3030"),
        ("[ReportBatchItemFailures]", "[ReportNothing]", "E3030"),
        ("MaximumConcurrency: 5", "MaximumConcurrency: 1", "E3034"),
        ("Architectures: [arm64]", "Architectures: [arm]", "E3030"),
        ("LogFormat: JSON", "LogFormat: Json", "E3030"),
        ("Type: SQS", "Type: SQL", "SAM"),
    ],
)
def test_a_template_that_breaks_a_promise_is_noticed(tmp_path: Path, old: str, new: str, finding: str) -> None:
    text = WORKER.read_text()
    assert old in text
    broken = tmp_path / "template.yaml"
    broken.write_text(text.replace(old, new, 1))

    assert finding in " ".join(templates.findings(broken))


def test_every_example_has_mistakes_of_both_kinds_that_its_checks_must_catch() -> None:
    """That they do catch them is shown by `python -m support.mutants`, which takes half an hour."""
    kinds = Counter((mutant.example, mutant.in_code) for mutant in mutants())
    examples = [path.parent.name for path in (ROOT / "examples").glob("*/template.yaml")]

    assert len({str(mutant) for mutant in mutants()}) == len(mutants())
    assert {example for example, _ in kinds} <= set(examples), "a mutant is of an example that is not there"
    few = [
        f"tests/patterns/{example}/mutants.py: two at least in {'its code' if in_code else 'its template'}"
        for example in examples
        for in_code in (True, False)
        if kinds[example, in_code] < 2
    ]
    assert not few, "\n".join(few)


@pytest.mark.parametrize("example", patterns())
def test_every_promise_of_a_scenario_is_one_that_can_be_broken(example: str) -> None:
    """That the scenario then reports it is shown by `python -m support.promises`, which takes half an hour."""
    said = promised(ROOT / "examples" / example / "scenario.py")
    broken = {mistake.promise for mistake in breaks() if mistake.example == example}

    assert said
    assert len(set(said)) == len(said), "two rows of one promise: which of them is broken cannot be told"
    assert set(said) == broken, f"edit tests/patterns/{example}/breaks.py: {sorted(set(said) ^ broken)}"


def test_a_promise_that_is_put_together_is_refused(tmp_path: Path) -> None:
    (scenario := tmp_path / "scenario.py").write_text('Outcome("sent", "happened", f"at most {5}", True)')

    with pytest.raises(ValueError, match="malformed node"):
        promised(scenario)


def test_every_mistake_still_fits_its_example() -> None:
    mistakes: list[Mutant | Break] = [*mutants(), *breaks()]

    assert mistakes
    for mistake in mistakes:
        texts = edited(mistake)
        assert texts.keys() == {file for file, _, _ in mistake.edits}, mistake
        for file, text in texts.items():
            assert text != (ROOT / "examples" / mistake.example / file).read_text(), mistake


@pytest.mark.e2e
def test_every_mistake_leaves_its_example_readable(tmp_path: Path) -> None:
    readers: dict[str, Callable[[Path], Any]] = {
        ".py": lambda path: ast.parse(path.read_text()),
        ".ts": node.javascript,
        ".json": lambda path: json.loads(path.read_text()),
        ".yaml": read_template,
        ".txt": Path.read_text,
    }
    mistakes: list[Mutant | Break] = [*mutants(), *breaks()]
    for number, mistake in enumerate(mistakes):
        folder = sow(mistake, tmp_path / str(number))
        for file in {file for file, _, _ in mistake.edits}:
            assert readers[Path(file).suffix](folder / file), mistake


@pytest.mark.e2e
def test_typescript_that_nobody_can_read_is_an_error(tmp_path: Path) -> None:
    (module := tmp_path / "app.ts").write_text("export const broken = (;")

    with pytest.raises(node.NodeError, match=r"app\.ts"):
        node.javascript(module)


@pytest.mark.parametrize(
    ("said", "test"),
    [
        (
            "FAILED tests/patterns/a/test_promises.py::test_b[c d] - assert 1 == 2\nFAILED tests/b.py::test_z - x\n",
            "test_b",
        ),
        ("ERROR tests/patterns/a/test_promises.py::test_b - did not deploy\n", "test_b"),
        ("ERROR tests/patterns/a/test_promises.py - SyntaxError\n", None),
        ("tests/test_a.py::test_b PASSED [ 9%]\n1 passed in 9.87s\n", None),
    ],
    ids=["failed", "not set up", "not imported", "passed"],
)
def test_a_mistake_is_caught_by_the_first_test_that_fails(said: str, test: str | None) -> None:
    assert catcher(said) == test


def test_wildcards() -> None:
    wide = {"Effect": "Allow", "Action": ["s3:*", "sqs:SendMessage"], "Resource": "*"}
    queue_policy = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}

    assert templates.wildcards(wide) == ["s3:*", "s3:* on *", "sqs:SendMessage on *"]
    assert templates.wildcards({**wide, "Effect": "Deny"}) == []
    assert templates.wildcards(queue_policy) == []
    assert templates.wildcards({"Effect": "Allow", "NotAction": "iam:*", "Resource": "x"}) == ["NotAction"]


def test_unpinned_requirements_are_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("urllib3>=2\n")

    with pytest.raises(ValueError, match="urllib3>=2 is not pinned"):
        templates.requirements(tmp_path)


def test_what_a_handler_reads_includes_the_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import os\nimport shop\nA = os.environ['A']\nR = os.environ['AWS_REGION']\n")
    (tmp_path / "shop.py").write_text("import os\nB = os.environ['B']\n")

    assert templates.variables_read(tmp_path / "app.py") == {"A", "B"}


def test_the_state_of_a_template_drops_what_needs_its_functions() -> None:
    read = {"Q": {"Ref": "Q"}}
    template = {
        "Resources": {
            "Work": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Environment": {"Variables": read}},
            },
            "Q": {"Type": "AWS::SQS::Queue"},
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Arn": {"Fn::Sub": "x:${Work.Arn}"}}]}},
            "OnRule": {"Type": "AWS::SQS::QueuePolicy", "DependsOn": "Rule"},
        }
    }

    assert set(state(template)["Resources"]) == {"Q"}
    assert state(template)["Outputs"] == {"WorkQ": {"Value": {"Ref": "Q"}}}
    assert references({"Fn::Sub": ["${A.Arn}${B}${!C}${AWS::Region}", {"B": {"Ref": "D"}}]}) == {"A", "D"}


def test_waiting_ends() -> None:
    assert wait_for("it", lambda: "there") == "there"
    with pytest.raises(LocalAwsError, match="waited 0 s for nothing"):
        wait_for("nothing", lambda: None, timeout=0)


def test_what_is_not_seen_in_time_is_told_and_not_raised() -> None:
    asked = iter(["", "", "there"])

    assert seen(lambda: next(asked)) == "there"
    assert seen(lambda: [], timeout=0) == []


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"Type": "AWS::No::Thing"}, "was refused: .*AWS::No::Thing"),
        (
            {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 99999}},
            "did not deploy: .*VisibilityTimeout",
        ),
    ],
)
def test_a_template_that_does_not_deploy_says_why(aws: LocalAws, resource: dict, reason: str) -> None:
    with pytest.raises(LocalAwsError, match=reason):
        aws.create("broken", {"Resources": {"It": resource}})


def test_whoever_refers_to_a_secret_gets_its_arn(aws: LocalAws) -> None:
    shadowed = {"Fn::Sub": ["${Key} ${Other}", {"Key": "mine", "Other": {"Ref": "Key"}}]}
    referring = {"Ref": {"Ref": "Key"}, "Sub": {"Fn::Sub": "the ${Key}"}, "Shadowed": shadowed}
    outputs = {name: {"Value": value} for name, value in referring.items()}
    body = {"Resources": {"Key": {"Type": "AWS::SecretsManager::Secret"}}, "Outputs": outputs}
    stack = aws.create("secret", aws.pack(body, Path()))
    (arn,) = [
        each["ARN"]
        for each in aws.client("secretsmanager").list_secrets()["SecretList"]
        if each["ARN"] in stack.outputs.values()
    ]

    assert stack.outputs == {"Ref": arn, "Sub": f"the {arn}", "Shadowed": f"mine {arn}"}


@pytest.mark.e2e
def test_the_local_aws_is_atomic_between_threads(aws: LocalAws) -> None:
    """Concurrency tests mean nothing on a backend that loses updates, so this one is shown not to."""
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"BillingMode": "PAY_PER_REQUEST"}}
    table["Properties"] |= {  # type: ignore[operator]
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    name = aws.create("atomic", {"Resources": {"Table": table}}).resources["Table"]
    dynamodb = aws.client("dynamodb")

    def write(_: int) -> int:
        won = 0
        for key in range(20):
            try:
                item = {"id": {"S": f"k-{key}"}}
                dynamodb.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(id)")
                won += 1
            except dynamodb.exceptions.ConditionalCheckFailedException:
                pass
            dynamodb.update_item(
                TableName=name,
                Key={"id": {"S": "counter"}},
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        return won

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 20
    counter = dynamodb.get_item(TableName=name, Key={"id": {"S": "counter"}}, ConsistentRead=True)["Item"]
    assert counter["hits"] == {"N": "160"}


def test_the_test_that_is_named_beside_a_mistake_is_there() -> None:
    there = [ROOT / "tests" / name for name in ("test_templates.py", "test_typescript.py")]
    texts = [path.read_text() for path in [*there, *(ROOT / "tests" / "patterns").rglob("test_*.py")]]

    assert known()
    assert known().keys() <= {str(mutant) for mutant in mutants()}
    assert [name for name in set(known().values()) if not any(f"def {name}(" in text for text in texts)] == []


@pytest.mark.e2e
def test_a_new_pattern_is_red_until_its_open_places_are_filled(tmp_path: Path) -> None:
    """In a copy of the repository, so that the checks say what they would say of it."""
    copy = copied(tmp_path / "copy")
    make("order_books", copy)
    with pytest.raises(ValueError, match="examples/order_books is there already"):
        make("order_books", copy)
    with pytest.raises(ValueError, match="Order-Books is no name of a pattern"):
        make("Order-Books", copy)
    checks = [
        "tests/test_skill.py::test_every_pattern_stands_everywhere_under_one_name",
        "tests/test_skill.py::test_no_pattern_has_an_open_place",
        "tests/test_support.py::test_every_example_has_mistakes_of_both_kinds_that_its_checks_must_catch",
        "tests/test_support.py::test_every_promise_of_a_scenario_is_one_that_can_be_broken[order_books]",
        "tests/patterns/test_every_pattern.py::test_every_function_is_a_subject",
        "tests/patterns/order_books",
    ]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *checks]
    said = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False).stdout

    assert "6 failed" in said, said
    for place in (
        "edit SKILL.md, section Patterns",
        "examples/order_books/template.yaml:",
        "examples/order_books/scenario.py:",
        "tests/patterns/order_books/mutants.py: two at least in its code",
        "edit tests/patterns/order_books/breaks.py",
        "edit SUBJECTS of tests/patterns/order_books/faults.py",
        "invoke the handler twice",
    ):
        assert place in said, f"{place}\n{said}"


def test_a_pattern_of_patterns_deploys_its_parts_and_asks_for_what_they_need(tmp_path: Path) -> None:
    for part in ("queue_worker", "rest_api"):
        (folder := tmp_path / "examples" / part).mkdir(parents=True)
        shutil.copy2(ROOT / "examples" / part / "template.yaml", folder)
    with pytest.raises(ValueError, match="there is no pattern saga"):
        make("order_books", tmp_path, ["queue_worker", "saga"])
    assert not (tmp_path / "examples" / "order_books").exists()

    made = make("order_books", tmp_path, ["queue_worker", "rest_api"])

    whole = made[-1]
    read = read_template(whole)
    applications = {name: each["Properties"] for name, each in read["Resources"].items()}
    assert {each["Location"] for each in applications.values()} == {
        *("../queue_worker/template.yaml", "../rest_api/template.yaml", "template.yaml")
    }
    assert {"CarrierUrl", "Issuer", "AlarmTopicArn"} <= read["Parameters"].keys()
    assert "ShipmentsStreamArn" in whole.read_text(), "nobody is told which outputs there are"
    assert not [each for each in templates.findings(whole) if not each.startswith("W")]
    assert any("whole.yaml" in each for each in open_places(tmp_path))
    assert 'with_name("whole.yaml")' in (whole.parent / "scenario.py").read_text()


@pytest.mark.e2e
def test_pytest_without_the_lock_files_environment_says_what_to_run_in_one_line() -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv
    alone = [uv, "run", "-q", "--no-project", "--isolated", "--with", f"pytest=={pytest.__version__}"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [*alone, "pytest", "-k", "queue_worker"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert re.fullmatch(
        r"there is no boto3, .* here: the tests run in uv's environment, as `uv run pytest`\n",
        done.stdout + done.stderr,
    )


@pytest.mark.parametrize(
    ("keyword", "wanted", "taken"),
    [
        ("queue_worker", "", f"({QUICK}) and not slow"),
        ("queue_worker", EVERYTHING, f"({EVERYTHING}) and not slow"),
        ("queue_worker", "e2e", "(e2e) and not slow"),
        ("queue_worker and twice", "", "not slow"),
        ("doubled", "", "not slow"),
        ("", "", "not slow"),
        ("", QUICK, f"({QUICK}) and not slow"),
        ("", "slow", "slow"),
        ("queue_worker", "slow", "slow"),
    ],
)
def test_only_a_pattern_s_name_alone_leaves_out_whole_programs_and_says_so(
    keyword: str, wanted: str, taken: str
) -> None:
    assert marks(keyword, wanted) == taken
    assert ("whole programs" in left_out(keyword, wanted)) is (QUICK in taken and QUICK not in wanted)
    assert set(patterns()) == PATTERNS


def test_programs_that_tests_start_keep_what_they_compiled() -> None:
    assert not sys.dont_write_bytecode
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
