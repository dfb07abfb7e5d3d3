"""What reading costs: the tokens that answer each routing question, and the time that the fences take to check."""

import time
from dataclasses import dataclass

from test_routing import QUESTIONS, SKILL

from support.documents import ROOT, documents, fences, tokens
from support.snippets import excerpt, quotes


@dataclass(frozen=True)
class Answer:
    """A question, the section that answers it, and the tokens of that section and of the front page with it."""

    ask: str
    section: str
    tokens: int
    with_front_page: int


def answers() -> list[Answer]:
    front = tokens(SKILL.read_text())
    costs = [(question, tokens(question.text)) for question in QUESTIONS]
    return [Answer(question.ask, question.go, cost, front + cost) for question, cost in costs]


@dataclass(frozen=True)
class Check:
    """How many quotes were compared with their sources, and how many milliseconds each took."""

    fences: int
    milliseconds: float


def checks(times: int) -> Check:
    """Compare every quote of the bundle with its source, `times` over: what a bundle of that size would take."""
    began = time.perf_counter()
    count = 0
    for _ in range(times):
        for path in documents(ROOT):
            for fence in fences(path):
                if quotes(fence):
                    assert fence.text == excerpt(fence.address), fence
                    count += 1
    return Check(count, (time.perf_counter() - began) * 1000 / count)
