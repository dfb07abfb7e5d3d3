"""What a month costs: list prices of us-east-1 in US dollars, read in November 2026, free tiers left out."""

from math import ceil, inf

HOURS = 730  # of a month, as AWS counts them
PRICES = {
    "lambda request": 0.20e-6,
    "lambda GB-s x86": 0.0000166667,
    "lambda GB-s arm64": 0.0000133334,
    "provisioned GB-s": 0.0000041667,  # x86, whether used or not
    "provisioned busy GB-s": 0.0000097222,
    "snapstart cached GB-s": 0.0000015046,  # per published version; Java pays neither
    "snapstart restored GB": 0.0001397998,
    "durable operation": 8e-6,
    "standard transition": 25e-6,
    "express request": 1e-6,
    "express GB-s": 0.00001667,
    "sqs request": 0.40e-6,
    "event": 1e-6,
    "http api request": 1e-6,
    "rest api request": 3.5e-6,
    "logs GB": 0.50,
}
NETWORK = {"nat hour": 0.045, "nat GB": 0.045, "public ipv4 hour": 0.005, "endpoint hour": 0.01, "endpoint GB": 0.01}
FARGATE = {"vCPU hour": 0.04048, "GB hour": 0.004445}  # x86
MANAGEMENT = 0.15  # of the on-demand price of EC2, for Managed Instances


def function(calls: float, ms: float, mb: int, arch: str = "arm64", cold: float = 0, init_ms: float = 0) -> float:
    """On demand; since August 2025 the init phase is billed like the rest."""
    seconds = calls * (ceil(ms) + cold * init_ms) / 1000
    return calls * PRICES["lambda request"] + seconds * mb / 1024 * PRICES[f"lambda GB-s {arch}"]


def provisioned_break_even() -> float:
    """The share of the time that provisioned x86 environments must be busy to cost no more than on demand."""
    return PRICES["provisioned GB-s"] / (PRICES["lambda GB-s x86"] - PRICES["provisioned busy GB-s"])


def snapstart(restores: float, mb: int, versions: int = 1, days: float = 30) -> float:
    cached = versions * mb / 1024 * days * 86_400 * PRICES["snapstart cached GB-s"]
    return cached + restores * mb / 1024 * PRICES["snapstart restored GB"]


def standard(executions: float, transitions: int) -> float:
    return executions * transitions * PRICES["standard transition"]


def express(executions: float, ms: float, mb: int = 64) -> float:
    """Billed in steps of 100 ms and 64 MB; its history is a log, which `logs` counts."""
    gb_seconds = ceil(ms / 100) / 10 * ceil(mb / 64) * 64 / 1024
    return executions * (PRICES["express request"] + gb_seconds * PRICES["express GB-s"])


def express_break_even(transitions: int, mb: int = 64) -> float:
    """The seconds of duration up to which Express costs less than that many transitions."""
    return (standard(1, transitions) - PRICES["express request"]) / (express(1, 1000, mb) - express(1, 0, mb))


def queue(messages: float, batch: int = 10, kb: float = 1, pollers: int = 5) -> float:
    """Send, receive and delete, each a request per batch or 64 KB of it, and the long polls of an empty queue."""
    requests = 3 * messages / batch * max(1, ceil(batch * kb / 64))
    idle = pollers * 3 * 60 * 24 * 30  # one poll lasts 20 s
    return (requests + idle) * PRICES["sqs request"]


def metered(count: float, what: str, kb: float = 1) -> float:
    """An `event` counts once per 64 KB, an `http api request` once per 512 KB, a `rest api request` once."""
    chunk = {"event": 64, "http api request": 512}.get(what, inf)
    return count * max(1, ceil(kb / chunk)) * PRICES[what]


def logs(lines: float, bytes_each: float) -> float:
    return lines * bytes_each / 2**30 * PRICES["logs GB"]


def nat(zones: int, gb: float) -> float:
    """A public gateway needs a public address, which is charged too."""
    return zones * HOURS * (NETWORK["nat hour"] + NETWORK["public ipv4 hour"]) + gb * NETWORK["nat GB"]


def endpoints(services: int, zones: int, gb: float) -> float:
    """Interface endpoints; those for S3 and DynamoDB are gateway endpoints and free."""
    return services * zones * HOURS * NETWORK["endpoint hour"] + gb * NETWORK["endpoint GB"]


def fargate(tasks: int, vcpu: float, gb: float) -> float:
    return tasks * HOURS * (vcpu * FARGATE["vCPU hour"] + gb * FARGATE["GB hour"])


def managed_instances(calls: float, on_demand: float, discount: float = 0, instances: int = 3) -> float:
    """Three instances by default, for three zones; requests are charged, durations are not.

    A Savings Plan is a discount on the instance; the fee for the management stays a share of the on-demand price.
    """
    return calls * PRICES["lambda request"] + instances * HOURS * on_demand * (1 - discount + MANAGEMENT)


def break_even(fixed: float, per_call: float, free_call: float = 0) -> float:
    """Calls a second from which something of a fixed monthly price is cheaper than a price per call."""
    margin = per_call - free_call
    return fixed / margin / (HOURS * 3600) if margin > 0 else inf


def cheapest(measured: dict[int, float], arch: str = "arm64") -> int:
    """Of memory sizes in MB with their measured milliseconds, the one that costs least; of equals the fastest."""
    return min(measured, key=lambda mb: (round(function(1e6, measured[mb], mb, arch), 2), measured[mb]))
