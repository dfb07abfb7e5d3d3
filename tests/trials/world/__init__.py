"""The state of a stack, and how two states differ."""

from trials.world.account import around, services
from trials.world.compare import Difference, Noise, World, differences, noise, tellable
from trials.world.snapshot import PLACES, Probes, mailed, named, queued, snapshot, without_envelope

__all__ = [
    "PLACES",
    "Difference",
    "Noise",
    "Probes",
    "World",
    "around",
    "differences",
    "mailed",
    "named",
    "noise",
    "queued",
    "services",
    "snapshot",
    "tellable",
    "without_envelope",
]
