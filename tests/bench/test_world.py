"""How two worlds are compared: what is noise, what is a difference, and what a receiver can tell as a repeat."""

from typing import Any

import pytest

from trials.local_aws import Stack
from trials.world import Difference, differences, noise, tellable, without_envelope
from trials.world.compare import is_time
from trials.world.snapshot import named, parsed


def test_ids_and_times_that_change_with_every_run_are_no_difference() -> None:
    first = {"table T": [{"id": "a", "at": "2026-11-23T08:00:00Z", "total": "1"}]}
    second = {"table T": [{"id": "b", "at": "2026-11-23T08:00:09Z", "total": "1"}]}

    assert differences(first, second, noise(first, second)) == []
    assert differences(first, second, set()) != []


def test_a_counter_that_moved_is_a_difference_although_ids_are_noise() -> None:
    first, second = {"table T": [{"id": "a", "n": "1"}]}, {"table T": [{"id": "b", "n": "1"}]}
    (found,) = differences(first, {"table T": [{"id": "c", "n": "2"}]}, noise(first, second))

    assert "n 1 → 2" in str(found)


def test_a_record_more_or_less_is_a_difference_although_all_of_it_is_noise() -> None:
    first, second = {"queue Q": [{"id": "a"}]}, {"queue Q": [{"id": "b"}]}
    noisy = noise(first, second)

    assert [len(each.new) for each in differences(first, {"queue Q": [{"id": "c"}, {"id": "d"}]}, noisy)] == [1]
    assert [len(each.gone) for each in differences(first, {"queue Q": []}, noisy)] == [1]


@pytest.mark.parametrize(
    ("place", "again", "told"),
    [
        ("queue Q", {"id": "o-1"}, True),
        ("topic T", {"id": "o-1"}, True),
        ("bus default", {"id": "o-1"}, True),
        ("machine M", {"id": "o-1"}, True),
        ("queue Q", {"id": "o-2"}, False),
        ("table T", {"id": "o-1"}, False),
        ("bucket B", {"id": "o-1"}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": ""}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": "k"}, True),
        ("outside", {"id": "o-1", "method": "PUT", "key": ""}, True),
    ],
)
def test_only_an_equal_message_can_be_told_as_a_repeat(place: str, again: dict[str, str], told: bool) -> None:
    before = {place: [{**again, "id": "o-1"}]}

    assert tellable(Difference(place, [], [again]), before) is told


def test_what_took_something_away_is_no_repeat() -> None:
    assert not tellable(Difference("queue Q", [{"id": "o-1"}], [{"id": "o-1"}]), {"queue Q": [{"id": "o-1"}]})


def test_json_within_texts_is_compared_by_its_content() -> None:
    assert parsed({"Message": '{"a": "[1, 2]"}', "text": "{no JSON"}) == {"Message": {"a": [1, 2]}, "text": "{no JSON"}


def test_what_the_bus_puts_on_every_copy_is_no_content() -> None:
    event = {"id": "1", "time": "now", "source": "shop", "detail-type": "Placed", "detail": {"a": 1}}

    assert without_envelope(event) == {"source": "shop", "detail-type": "Placed", "detail": {"a": 1}}
    assert without_envelope({"id": "1"}) == {"id": "1"}


def test_physical_names_are_told_by_their_logical_ones() -> None:
    stack = Stack("trial-7", {}, {"Jobs": "trial-7-Jobs-AB12", "Api": "a1"}, {})
    world: dict[str, list[Any]] = {"queue Out": [{"from": "arn:aws:sqs:eu:1:trial-7-Jobs-AB12", "of": "trial-7"}]}

    assert named(world, stack) == {"queue Out": [{"from": "arn:aws:sqs:eu:1:<Jobs>", "of": "<stack>"}]}


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), "1" * 400], ids=repr)
def test_a_number_that_is_too_large_is_no_time(value: object) -> None:
    assert not is_time(value)


def test_two_worlds_with_numbers_that_are_too_large_are_compared() -> None:
    assert differences({"queue Q": [{"n": 10**400}]}, {"queue Q": [{"n": 10**400}]}, set()) == []
    assert differences({"queue Q": [{"n": 10**400}]}, {"queue Q": [{"n": 1}]}, set()) != []
