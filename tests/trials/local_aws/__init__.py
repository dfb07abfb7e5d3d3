"""A local AWS: server, faults, packaging, deployment, and a stand-in for what lies outside of AWS."""

from trials.local_aws.deployment import ASSETS, SYNTHESISED, LocalAws, Outcome, Stack
from trials.local_aws.environment import ACCOUNT, ENVIRONMENT, REGION, ROOT, LocalAwsError, install
from trials.local_aws.fence import LOOPBACK_ONLY
from trials.local_aws.processes import free_port
from trials.local_aws.server import BUCKET
from trials.local_aws.waiting import seen, wait_for

__all__ = [
    "ACCOUNT",
    "ASSETS",
    "BUCKET",
    "ENVIRONMENT",
    "LOOPBACK_ONLY",
    "REGION",
    "ROOT",
    "SYNTHESISED",
    "LocalAws",
    "LocalAwsError",
    "Outcome",
    "Stack",
    "free_port",
    "install",
    "seen",
    "wait_for",
]
