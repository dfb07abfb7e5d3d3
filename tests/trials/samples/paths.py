"""Which part of its event a handler reads: paths, from the event down, that are noted as they are asked for."""

from typing import Any

from trials.samples.derive import ID, guess
from trials.samples.images import TYPES
from trials.samples.reads import EACH, FORM, ITEM, JSON, Reads, Steps
from trials.samples.shape import Shape

LISTED = "{list}"  # end of a path: a list that was made of it
SPLIT = "{split}"  # begins the end of a path: the parts of a text, with what it is split by
CHECKED = "{checked}"  # what `safeParse` gives back of it
REQUEST = "{request}"  # Express' `req`
REQUESTS: dict[str, Steps] = {
    "body": ("body", JSON),
    "params": ("pathParameters",),
    "query": ("queryStringParameters",),
    "headers": ("headers",),
}


class EventPaths:
    """What was read so far; `parsed` is what a middleware has made an object of."""

    def __init__(self) -> None:
        self.reads = Reads()
        self.parsed: set[Steps] = set()
        self.renamed: dict[Steps, Steps] = {}  # what a marshaller calls otherwise
        self.kept: dict[str, Steps] = {}  # what was put into a list that stands under a key
        self.alike: list[tuple[Steps, Steps]] = []  # what is read below the first is read below the second, too

    def number(self, steps: Steps | None) -> Steps | None:
        if steps and not steps[-1].startswith("{"):
            self.reads.numbers.add(steps)
        return steps

    def typed(self, name: str, steps: Steps | None) -> None:
        """What is put under a name into an object: `{"N": order["id"]}` is a number that DynamoDB gets as a text."""
        if name == "N" and steps and not steps[-1].startswith("{"):
            self.reads.values.setdefault(steps, "1")

    def begins(self, steps: Steps, prefix: str) -> None:
        """What code looks at for how it begins; what begins an object or a list, or a path, says nothing more."""
        name = steps[-1] if steps else "{"
        is_text = bool(prefix) and not name.startswith(("{", "[")) and prefix[0] not in "{[</"
        if is_text and not str(guess(name, None)).startswith(prefix):
            whole = "https://example.test/trial" if prefix.startswith("http") else f"{prefix}{ID}"
            self.reads.values.setdefault(steps, whole)

    def instance(self, subject: Steps, kinds: str) -> None:
        """What `isinstance` asks for."""
        if "list" in kinds:
            self.member(subject)
        elif "int" in kinds or "float" in kinds:
            self.number(subject)
        elif kinds == "bool":
            self.reads.values.setdefault(subject, True)

    def property(self, steps: Steps | None, name: str) -> Steps | None:
        """The path of a property."""
        if steps is None:
            return None
        end = steps[-1] if steps else ""
        if end == CHECKED:
            return steps[:-1] if name in ("data", "output") else None
        if end == REQUEST:
            if name in ("req", "request"):
                return steps
            return self.read(REQUESTS[name]) if name in REQUESTS else None
        if end == LISTED or end.startswith(SPLIT) or name in ("length", "size"):
            return None
        if end == FORM and name == "get":
            return None
        return self.read(self.renamed.get((*steps, name), (*steps, name)))

    def member(self, steps: Steps | None) -> Steps | None:
        if steps is None or (steps and steps[-1].startswith(SPLIT)):
            return None
        return steps[:-1] if steps[-1:] == (LISTED,) else self.read((*steps, EACH))

    def part(self, steps: Steps | None, count: int) -> bool:
        """Whether a path is the parts of a text, which then has `count` of them at least."""
        if not steps or not steps[-1].startswith(SPLIT):
            return False
        whole, by = steps[:-1], steps[-1].removeprefix(SPLIT)
        held = str(self.reads.values.get(whole, guess(whole[-1] if whole else "", None)))
        if by and len(held.split(by)) < count:
            self.reads.values[whole] = by.join(["trial"] * count)
        return True

    def either(self, before: dict[str, Steps], first: dict[str, Steps], second: dict[str, Steps]) -> None:
        """Let a variable that two branches set to different paths stand for both of them."""
        for name, steps in first.items():
            other, plain = second.get(name), not steps or not steps[-1].startswith("{") or steps[-1] == JSON
            if other and other != steps and steps != before.get(name) and plain:
                self.alike.append((other, steps))

    def mounted(self, mounts: list[str]) -> None:
        """Let paths of routers begin with the first path at which one is mounted; which one, code seldom tells."""
        at = [(method, f"{mount.rstrip('/')}{path}") for mount in mounts[:1] for method, path in self.reads.routes]
        self.reads.routes[:0] = at

    def settle(self) -> None:
        """Note below each of two paths that are alike what was read below the other."""
        for here, there in [*self.alike, *((there, here) for here, there in self.alike)]:
            for paths in (self.reads.paths, self.reads.numbers, self.reads.optional):
                paths |= {(*there, *steps[len(here) :]) for steps in paths if steps[: len(here)] == here}
            for steps, value in list(self.reads.values.items()):
                if steps[: len(here)] == here:
                    self.reads.values.setdefault((*there, *steps[len(here) :]), value)

    def looked_up(self, name: str) -> Steps | None:
        """What a property of an answer holds if it is called as DynamoDB calls items."""
        return {"Item": (ITEM,), "Items": (ITEM, LISTED), **self.kept}.get(name)

    def keep(self, name: str, steps: Steps) -> None:
        """Let a list under a key stand for what was put into it, if that is of an item."""
        if steps in ((ITEM,), (ITEM, LISTED)):
            self.kept.setdefault(name, steps)

    def holds(self, steps: Steps, value: Any) -> None:
        """A value that something is compared with, the first of several; of a request's methods POST, if it is one."""
        if steps[-1:] in (("httpMethod",), ("method",)) and value == "POST":
            self.reads.values[steps] = value
        self.reads.values.setdefault(steps, value)

    def compare(self, first: Steps | None, second: Steps | None) -> None:
        """Take note of a part of an item that is compared with a part of the event."""
        for here, there in ((first, second), (second, first)):
            if here and there and here[0] == ITEM != there[0] and len(here) > 1:
                self.reads.same.setdefault(here, there)

    def unwanted(self, steps: Steps | None) -> None:
        """Take note of what makes the code pass an item over."""
        if steps and steps[0] == ITEM and len(steps) > 1:
            self.reads.unwanted.add(steps)

    def note(self, steps: Steps) -> None:
        if steps[0] != ITEM:
            self.reads.paths.add(steps)
        elif len(steps) > 1 and not steps[1].startswith(("{", "[")):
            self.reads.items.add(steps[1])
            if steps[2:] == ("N",):
                self.reads.numbers.add(steps[:2])
            elif len(steps) > 2 and steps[2] not in TYPES:
                self.reads.inside.add(steps)

    def read(self, steps: Steps) -> Steps:
        if steps in self.parsed:
            steps = (*steps, JSON)
        self.note(steps)
        return steps

    def fields(self, shape: Shape, at: Steps) -> None:
        """Note every field of a shape below a path."""
        if at[-1:] in ((LISTED,), (CHECKED,), (REQUEST,)) or (at and at[-1].startswith(SPLIT)):
            return
        if at in self.parsed:
            at = (*at, JSON)
        if shape.number and at:
            self.reads.numbers.add(at)
        if shape.value is not None and at:
            self.reads.values.setdefault(at, shape.value)
        for name, inner in shape.inner.items():
            steps = (*at, name)
            if inner.called:
                self.renamed[(*at, inner.called)] = steps
            self.note(steps)
            if inner.optional:
                self.reads.optional.add(steps)
            self.fields(inner, steps)
        if shape.members is not None:
            self.note((*at, EACH))
            self.fields(shape.members, (*at, EACH))
