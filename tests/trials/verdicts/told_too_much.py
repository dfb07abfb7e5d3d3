"""What an API's answer tells a caller of its inside."""

from dataclasses import dataclass

from trials.verdicts.words import Judgement, Promise, broken, held, unproved


@dataclass(frozen=True)
class Told:
    """An answer, and the call that AWS had refused."""

    refused: str
    text: str


def inside_view(answers: list[Told], inside: list[str], insiders: str = "") -> Judgement:
    """`inside` are texts that stand in AWS's refusal alone; `insiders` says why whoever reads them may be meant to."""
    for answer in answers:
        if any(text in answer.text for text in inside):
            what = f"{answer.refused} is denied, and the caller reads AWS's own words, with account, role and resource"
            if insiders:
                supply = "nothing, if whoever calls may read that"
                return unproved(f"{what}; {insiders}: {answer.text[:120]}", answer.text[:300], supply=supply)
            return broken(Promise.LEAKED, f"{what}: {answer.text[:120]}", answer.text[:300])
    return held("no answer holds what AWS said of account, role and resource")
