"""What a template says of how much a function may do at once."""

from trials.project.source import Kind, Source
from trials.template import Model


def overrun(model: Model, source: Source) -> int:
    """The reserved concurrency that a queue's mapping may exceed, by all that their values may become; else 0."""
    function, queue = model.resources.get(source.function), model.resources.get(source.origin)
    if source.kind is not Kind.QUEUE or not function or not queue or not queue.absent("FifoQueue"):
        return 0  # of a FIFO queue, its message groups decide
    own = [each for each in model.mappings if each.function is function and each.source is queue]
    reserved = function.numbers("ReservedConcurrentExecutions")
    most = max((each for each in reserved if each is not None), default=0)
    if not own or not most or None in reserved or not all(each.absent("ProvisionedPollerConfig") for each in own):
        return 0
    caps = [cap for each in own for cap in each.numbers("ScalingConfig", "MaximumConcurrency", default=most + 1)]
    return most if all(cap is not None and cap > most for cap in caps) else 0
