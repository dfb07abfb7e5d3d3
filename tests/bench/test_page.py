"""What people read: the page and the comment show the whole system and every story, to everybody, and run nothing."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from support.node import diagrams
from support.results import FEED, HOSTILE, LINT, NIGHTLY, QUEUE, of_each_kind, told
from trials import faults, own
from trials.integrations import trying
from trials.local_aws import LocalAwsError
from trials.machines import trying as machines
from trials.project import Kind, Source, sources
from trials.report import told as words
from trials.report.clean import clean
from trials.report.events import CallsSeen, SourceEnded
from trials.report.layout import laid_out
from trials.report.markdown import LONGEST, markdown, mermaid
from trials.report.page import page
from trials.report.picture import DEAD, Edge, Picture, State, picture
from trials.report.result import Result
from trials.template import read_template
from trials.verdicts import Promise, Status, broken, held
from trials.verdicts.permissions import Call, Used

VOID = {"meta", "br", "path", "rect"}


class Read(HTMLParser):
    """A document as lists: elements with attributes, the text within each, and what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.wrong += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text.strip() for name, text in self.texts if name == tag and text.strip()]


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return of_each_kind(tmp_path)


@pytest.fixture
def read(result: Result) -> Read:
    return Read(page(result))


# ---- the page


def test_the_page_is_whole_and_takes_nothing_from_elsewhere(result: Result) -> None:
    text = page(result)
    document = Read(text)

    assert document.wrong == []
    assert {tag for tag, _ in document.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "base",
        "form",
    } == set()
    assert not re.search(r"url\((?!#)|@import", text)
    for _, attributes in document.elements:
        assert not {key for key in attributes if key.startswith("on") or key in ("src", "srcset")}
    assert text.encode()


def test_what_readers_code_said_is_text(read: Read) -> None:
    assert " ".join(clean(HOSTILE).split()) in [" ".join(text.split()) for text in read.said("dd")]


def test_every_cell_leads_to_its_story(read: Read) -> None:
    ids = Counter(attributes["id"] for _, attributes in read.elements if "id" in attributes)
    inner = [each["href"] for each in read.all("a") if each["href"].startswith("#")]

    assert set(ids.values()) == {1}
    assert len(inner) >= 6
    assert [href for href in inner if href[1:] not in ids] == []


@pytest.mark.parametrize(
    "part",
    [
        *("doubled", "lost", "unproved", "untried"),
        '"body": "{\\"id\\": \\"<1>\\"}"',
        "table Seen: + id 2",
        "Make the effect conditional",
        "The same event comes again after the first.",
        "--only 'queue Jobs → Work'",
        "template.yaml:16",
        "one order: nothing. it is booked: NO",
    ],
)
def test_the_story_has_its_parts(part: str, result: Result) -> None:
    everything = " ".join(text for _, text in Read(page(result)).texts)

    assert part in everything


def test_who_cannot_see_is_told_the_same(read: Read) -> None:
    (picture_of,) = read.all("svg")
    labels = {attributes.get("id") for _, attributes in read.elements}

    assert read.all("html") == [{"lang": "en"}]
    assert picture_of["role"] == "img"
    assert set(picture_of["aria-labelledby"].split()) <= labels
    assert "Jobs → Work: doubled, lost" in read.said("desc")[0]
    assert "Jobs → Failed: what failed" in read.said("desc")[0]
    assert all(each.get("scope") in ("row", "col") for each in read.all("th"))
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    for each in read.all("div"):
        assert each["role"] == "region"
        assert each["tabindex"] == "0"  # what is scrolled is reached by keys
        assert each["aria-labelledby"] in labels


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG reckons it."""

    def light(colour: str) -> float:
        digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_every_text_can_be_read_in_light_in_dark_and_on_paper(result: Result) -> None:
    schemes = [
        dict(re.findall(r"--([\w-]+):\s*#([0-9a-f]+)", block))
        for block in re.findall(r":root \{([^}]*)\}", page(result))
    ]

    assert len(schemes) == 3
    for colours in schemes:
        for text, ground in (("text", "ground"), ("text", "wash"), ("soft", "ground"), ("soft", "wash")):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, colours)
        for name in ("red", "amber", "green"):
            for ground in (f"{name}-wash", "wash", "ground"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground, colours)


@pytest.mark.parametrize("error", ["", "there is no file"])
def test_there_is_a_page_and_a_comment_of_nothing_too(error: str) -> None:
    assert Read(page(Result(error=error))).wrong == []
    assert error in page(Result(error=error))
    assert error in markdown(Result(error=error))


def test_every_trial_is_told_in_words() -> None:
    """A new trial needs its sentence in tests/trials/report/told.py."""
    of_machines = {*machines.TRIALS, "undone twice", machines.LATE, "started twice"}
    others = {"arrives", "once", "search", *trying.NAMES.values()} | of_machines
    assert words.DONE.keys() == others | {trial.name for trial in faults.ALL}


# ---- the comment


def test_the_comment_is_what_github_shows_as_one(result: Result) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(result))
    html = [token.content.strip() for token in tokens if token.type == "html_block"]
    inline = [child.type for token in tokens for child in token.children or []]
    rows = [token.type for token in tokens]

    assert html == ["<!-- aws-serverless-eda -->"]
    assert "html_inline" not in inline
    assert rows.count("tr_open") == 4
    assert rows.count("td_open") == 3 * rows.count("th_open")
    (fence,) = [token for token in tokens if token.type == "fence"]
    assert fence.info == "mermaid"
    assert rows.count("list_item_open") == 5


@pytest.mark.e2e
def test_mermaid_takes_the_picture_whatever_the_names_are(result: Result) -> None:
    hostile = Picture()
    for name in ("a", "b"):
        hostile.add_node(name, HOSTILE + "];end", DEAD)
    hostile.add_edge(Edge("a", "b", HOSTILE, State.BROKEN, failed_only=True))
    plain = mermaid(picture(result))

    first, second, refused = diagrams([plain, mermaid(hostile), plain.replace("-->", "=->")])

    assert (first, second) == ("", "")
    assert refused


def test_a_comment_that_github_would_refuse_is_cut_and_says_so(result: Result) -> None:
    result.lint = [{**LINT, "path": f"Resources/R{number}", "message": "m" * 300} for number in range(400)]
    text = markdown(result)

    assert len(text) <= LONGEST
    assert re.search(r"\n\d+ more: run it\.\n", text)
    assert "**doubled**" in text
    assert text.rstrip().splitlines()[-1].startswith("Again: ")


# ---- the picture


def test_the_picture_has_every_part_and_what_is_known_of_each_way(result: Result) -> None:
    drawn = picture(result)

    assert {name: node.kind for name, node in drawn.nodes.items()} == {
        "Jobs": "queue",
        "Failed": DEAD,
        "Seen": "table",
        "Told": "topic",
        "Work": "function",
        "Image": "function",
        "schedule Work.Nightly": "schedule",
    }
    assert {pair: (edge.state, edge.label) for pair, edge in drawn.edges.items()} == {
        ("Jobs", "Work"): (State.BROKEN, "doubled, lost"),
        ("schedule Work.Nightly", "Work"): (State.OPEN, "unproved"),
        ("Jobs", "Image"): (State.OPEN, "untried"),
        ("Work", "Seen"): (State.HELD, ""),
        ("Work", "Told"): (State.PLAIN, ""),
        ("Jobs", "Failed"): (State.PLAIN, "what failed"),
    }


def test_of_two_sources_on_one_way_the_worse_is_told() -> None:
    routes = [Source(Kind.HTTP, "Work", f"Api.{name}", "Api") for name in "ab"]
    result = Result(listed=routes)
    result.take(SourceEnded(routes[0], Status.DELIVERED))
    result.take(SourceEnded(routes[1], Status.BROKEN))
    result.take(told(replace(routes[1], name="Api.b"), "twice", broken(Promise.LOST, "gone")))

    assert picture(result).edges["Api", "Work"].state is State.BROKEN


def test_a_source_that_was_not_reached_is_open() -> None:
    (edge,) = picture(Result(listed=[FEED], error="it stopped")).edges.values()

    assert edge.state is State.OPEN


def test_what_only_the_trial_showed_is_drawn(result: Result) -> None:
    result.take(told(NIGHTLY, "once", held("it called", "outside: 1 more, POST", "bus default: 1 more, x")))

    assert picture(result).edges["Work", "outside of AWS"].state is State.HELD


ROLES = {
    "Resources": {
        "Work": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {"Statement": [{"Resource": {"Fn::GetAtt": ["Table", "Arn"]}}]},
            },
        },
        "Table": {"Type": "AWS::DynamoDB::Table", "Metadata": {"aws:cdk:path": "Shop/Orders/Resource"}},
    }
}


def test_what_a_role_allows_is_drawn_under_the_constructs_name() -> None:
    drawn = picture(Result(body=ROLES))

    assert [*drawn.edges] == [("Work", "Table")]
    assert drawn.nodes["Table"].label == "Orders"


ELSEWHERE = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
NAMES_ONLY = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Environment: { Variables: { TABLE: !Ref Seen, QUEUE_URL: !Ref Later } } }
Resources:
  Seen: { Type: AWS::DynamoDB::Table }
  Later: { Type: AWS::SQS::Queue }
  Work:
    Type: AWS::Serverless::Function
    Properties: { Policies: [] }
"""
READS = {"DynamoDBReadPolicy": {"TableName": {"Ref": "Seen"}}}
SENDS = {"Statement": [{"Effect": "Allow", "Action": "sqs:Send*", "Resource": "*"}]}
ASKS = {"Statement": [{"Effect": "Allow", "Action": "sqs:GetQueueUrl", "Resource": {"Fn::GetAtt": ["Later", "Arn"]}}]}
POLLS = {"SQSPollerPolicy": {"QueueName": {"Fn::GetAtt": ["Later", "QueueName"]}}}
DENIES = {"Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": {"Fn::GetAtt": ["Later", "Arn"]}}]}


@pytest.mark.parametrize(
    ("policies", "arrows"),
    [
        ([], {}),
        ([READS], {"Seen": False}),
        ([SENDS], {"Later": False}),
        ([ASKS], {}),
        ([POLLS], {"Later": False}),
        ([DENIES], {}),
        ([READS, SENDS], {"Seen": False, "Later": False}),
        ([READS, ELSEWHERE], {"Seen": False, "Later": True}),
    ],
    ids=["nothing", "reads", "sends", "asks", "polls", "is denied", "both", "a policy from elsewhere"],
)
def test_an_arrow_is_what_a_function_may_do_not_what_it_has_a_name_of(
    policies: list[Any], arrows: dict[str, bool], tmp_path: Path
) -> None:
    (file := tmp_path / "template.yaml").write_text(NAMES_ONLY)
    body = read_template(file)
    body["Resources"]["Work"]["Properties"]["Policies"] = policies
    only_named = Result(body=body)
    drawn = picture(only_named)

    assert {end: edge.named_only for (start, end), edge in drawn.edges.items() if start == "Work"} == arrows
    assert ("only named" in mermaid(drawn)) is (True in arrows.values())
    assert ("Grey, dashed" in page(only_named)) is (True in arrows.values())
    assert ('class="way plain named"' in page(only_named)) is (True in arrows.values())


def test_a_call_that_was_seen_makes_an_arrow(tmp_path: Path) -> None:
    (file := tmp_path / "template.yaml").write_text(NAMES_ONLY)
    call = Call("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:later-1")
    looked = Call("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/seen-1", "ImplicitDeny")
    result = Result(body=read_template(file))
    result.take(CallsSeen("Work", Used([call, looked], None, {"later-1": "Later", "seen-1": "Seen"})))

    assert [*picture(result).edges] == [("Work", "Later")]


@pytest.mark.parametrize("first", [True, False])
def test_what_a_trial_showed_is_not_only_named(first: bool) -> None:
    drawn, named = Picture(), Edge("a", "b", "only named", named_only=True)
    for name in "ab":
        drawn.add_node(name, name, "function")
    for edge in [named, Edge("a", "b", "", State.HELD)][:: 1 if first else -1]:
        drawn.add_edge(edge)

    assert drawn.edges["a", "b"] == Edge("a", "b", "", State.HELD)


NAMES = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_no_two_boxes_lie_on_each_other_and_ways_lead_on(pairs: list[tuple[str, str]]) -> None:
    drawn = Picture()
    for name in "abcdefgh":
        drawn.add_node(name, name, "function")
    for start, end in pairs:
        drawn.add_edge(Edge(start, end))
    layout = laid_out(drawn)
    passed = [spot for bends in layout.bends.values() for spot in bends]

    assert len({*layout.spots.values(), *passed}) == 8 + len(passed)
    assert all(0 <= spot.row < layout.rows and 0 <= spot.layer < layout.layers for spot in layout.spots.values())
    backwards = [pair for pair in drawn.edges if layout.spots[pair[0]].layer >= layout.spots[pair[1]].layer]
    assert not backwards or has_cycle(set(drawn.edges))


def has_cycle(edges: set[tuple[str, str]]) -> bool:
    while edges:
        ends = {end for _, end in edges}
        kept = {pair for pair in edges if pair[0] in ends}
        if kept == edges:
            return True
        edges = kept
    return False


def test_of_a_ring_only_the_way_back_leads_back() -> None:
    drawn = Picture()
    for name in "abc":
        drawn.add_node(name, name, "queue")
    for start, end in ("ab", "bc", "ca"):
        drawn.add_edge(Edge(start, end))

    assert [spot.layer for spot in laid_out(drawn).spots.values()] == [0, 1, 2]


# ---- one source again


@pytest.mark.parametrize(("only", "names"), [("", 3), ("Nightly", 1), (str(QUEUE), 1)])
def test_one_source_can_be_tried_again_by_its_name(only: str, names: int, result: Result) -> None:
    listed = sources(read_template(Path(result.template)))

    assert len(own.chosen(listed, only)) == names


def test_a_name_that_no_source_has_is_one_line_with_all_names() -> None:
    with pytest.raises(LocalAwsError, match="no source is called 'x'; there are: queue Jobs → Work"):
        own.chosen([QUEUE], "x")
