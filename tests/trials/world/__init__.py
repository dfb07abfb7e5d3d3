"""The state of a stack, and how two states differ."""

from trials.world.account import around, services
from trials.world.compare import Difference, Noise, World, differences, noise, tellable
from trials.world.snapshot import PLACES, Probes, in_queues, mailed, named, snapshot, without_envelope

__all__ = [
    "PLACES",
    "Difference",
    "Noise",
    "Probes",
    "World",
    "around",
    "differences",
    "in_queues",
    "mailed",
    "named",
    "noise",
    "services",
    "snapshot",
    "tellable",
    "without_envelope",
]
