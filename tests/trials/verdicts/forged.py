"""What became of requests that bear a signature of another one."""

from dataclasses import dataclass

from trials.verdicts.words import Judgement, Promise, broken, held


@dataclass(frozen=True)
class Forgery:
    """How a request differs from the one that was signed, and whether it was done all the same."""

    what: str
    done: bool


def forgery(fates: list[Forgery]) -> Judgement:
    told = " and ".join(fate.what for fate in fates)
    done = [fate.what for fate in fates if fate.done]
    if done:
        return broken(Promise.SILENT, f"a signed request with {done[0]} is done as if its sender had sent it")
    return held(f"a signed request with {told} is refused")


def leaks_by_time(compared: list[str], headers: str, width: int) -> Judgement:
    """`compared` are texts that were compared by `==` with a digest that the code had made."""
    if any(len(text) >= width and text in headers for text in compared):
        text = "the signature is compared by ==, which takes the longer the more of a guess is right"
        return broken(Promise.LEAKED, f"{text}: hmac.compare_digest takes the same time for every guess")
    return held("the signature is not compared by ==")
