"""The words after the command: what is wrong with them is told in one line, with what is probably meant."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import NoReturn

HELP = "--help says more"


class Parser(argparse.ArgumentParser):
    """Says what is wrong without the usage, which is longer than a screen's first lines."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())}; {HELP}\n")

    def parsed(self, words: Sequence[str] | None = None) -> argparse.Namespace:
        """Options may stand between the names: what is left over then is an option that there is not."""
        given, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            name = unknown[0].partition("=")[0]
            self.error(f"there is no option {name}{meant(name, self._option_string_actions)}")
        return given


def meant(word: str, known: Iterable[str], most: int = 1, alike: float = 0.6) -> str:
    """What a mistyped word probably stands for, as the end of a sentence; empty if nothing is like it."""
    likely = get_close_matches(word, list(known), most, alike)
    return f", probably {' or '.join(likely)} is meant" if likely else ""


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """The type of an argument that takes one of a few words, all of which are told with what is probably meant."""

    def chosen(word: str) -> str:
        if word not in choices:
            likely = meant(word, choices) or meant(word, choices, most=2, alike=0.3)
            raise argparse.ArgumentTypeError(f"there is no {word}{likely}; there are: {', '.join(choices)}")
        return word

    return chosen
