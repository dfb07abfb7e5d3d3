"""README's picture of a page is one that the bench makes, and its description says what it shows."""

import re
from pathlib import Path

import pytest

from support.documents import ROOT
from support.page_picture import BROKEN, EXAMPLE, LARGEST, PICTURES, SIGNATURE, tried, with_words, words, words_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_shows_it_in_light_and_dark_and_says_what_it_shows() -> None:
    first_screen = README[: README.index("```bash")]
    shown = re.findall(r'(?:srcset|src)="([^"]+\.png)"', first_screen)
    (description,) = re.findall(r'<img alt="([^"]+)"', first_screen)

    assert [ROOT / name for name in shown] == [PICTURES["dark"], PICTURES["light"]]
    assert EXAMPLE in description
    assert BROKEN in description


def test_both_pictures_are_small_and_of_one_page() -> None:
    images = {scheme: path.read_bytes() for scheme, path in PICTURES.items()}

    assert {len(image) > LARGEST for image in images.values()} == {False}
    assert words_of(images["light"]) == words_of(images["dark"])
    assert {EXAMPLE, BROKEN} <= set(words_of(images["light"]))
    assert images["light"] != images["dark"]


@pytest.mark.e2e
def test_what_can_be_read_on_the_picture_is_what_the_page_says_today(tmp_path: Path) -> None:
    assert words(tried(tmp_path)) == words_of(PICTURES["light"].read_bytes()), (
        "take it again: uv run --directory tests python -m support.page_picture"
    )


def test_a_picture_keeps_its_words_and_one_without_them_has_none() -> None:
    image = SIGNATURE + b"\0" * 25 + b"the rest"

    assert words_of(with_words(image, ["queue Orders", "→ doubled"])) == ["queue Orders", "→ doubled"]
    assert with_words(image, ["x"]).endswith(b"the rest")
    assert words_of(image) == []


def test_what_is_below_the_stories_and_what_only_readers_of_screens_get_is_not_on_the_picture() -> None:
    page = '<a class="skip">s</a><main><svg><desc>d</desc><path/><text>Orders</text></svg><h2 id="stories">no</h2>'

    assert words(page) == ["Orders"]
