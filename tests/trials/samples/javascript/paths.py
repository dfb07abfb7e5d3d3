"""Which part of its event a handler reads: paths, from the event down, that are noted as they are asked for."""

from trials.samples.javascript.shapes import Shape
from trials.samples.reads import EACH, JSON, Reads, Steps

LISTED = "{list}"  # end of a path: a list that was made of it
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

    def number(self, steps: Steps | None) -> Steps | None:
        if steps and not steps[-1].startswith("{"):
            self.reads.numbers.add(steps)
        return steps

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
        if end == LISTED or name in ("length", "size"):
            return None
        return self.read((*steps, name))

    def member(self, steps: Steps | None) -> Steps | None:
        if steps is None:
            return None
        return steps[:-1] if steps[-1:] == (LISTED,) else self.read((*steps, EACH))

    def read(self, steps: Steps) -> Steps:
        if steps in self.parsed:
            steps = (*steps, JSON)
        self.reads.paths.add(steps)
        return steps

    def fields(self, shape: Shape, at: Steps) -> None:
        """Note every field of a shape below a path."""
        if at[-1:] in ((LISTED,), (CHECKED,), (REQUEST,)):
            return
        if at in self.parsed:
            at = (*at, JSON)
        if shape.number and at:
            self.reads.numbers.add(at)
        if shape.value is not None and at:
            self.reads.values.setdefault(at, shape.value)
        for name, inner in shape.inner.items():
            steps = (*at, name)
            self.reads.paths.add(steps)
            if inner.optional:
                self.reads.optional.add(steps)
            self.fields(inner, steps)
        if shape.members is not None:
            self.reads.paths.add((*at, EACH))
            self.fields(shape.members, (*at, EACH))
