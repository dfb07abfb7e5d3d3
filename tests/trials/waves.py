"""Which sources can be tried at the same time: one that reads a queue waits for those that write into it.

A request whose path names something waits for those that may make it.
"""

from trials.project import Kind, Project, Source
from trials.template import references


def waves(project: Project, sources: list[Source]) -> list[list[Source]]:
    """The sources in groups, in order: what a group needs of others was done before; a circle is cut somewhere."""
    left, done = list(sources), []
    while left:
        free = [source for source in left if not (feeders(project, source, left))]
        group = free or left[:1]
        done.append(group)
        left = [source for source in left if source not in group]
    return done


def names_something(source: Source) -> bool:
    return source.route is not None and "{" in source.route.path and "+}" not in source.route.path


def makes_something(source: Source) -> bool:
    return bool(source.route and source.route.method.upper() == "POST" and "{" not in source.route.path)


def feeders(project: Project, source: Source, others: list[Source]) -> list[Source]:
    """Those whose function may write into the queue that a source reads, or start the machine that it is.

    Of a request whose path names something, those of the same API that make something; of a task its machine.
    """
    if source.kind is Kind.TASK:
        return [each for each in others if each.kind is Kind.MACHINE and each.function == source.origin]
    if source.kind is Kind.HTTP and names_something(source):
        return [each for each in others if each.origin == source.origin and makes_something(each)]
    place = {Kind.QUEUE: source.origin, Kind.MACHINE: source.function}.get(source.kind, "")
    if not place:
        return []
    writers = (other for other in others if other.function != source.function)
    return [other for other in writers if place in references(project.body["Resources"].get(other.function))]
