"""What a service outside of AWS that has too much to do, or answers late, makes of an event."""

from dataclasses import replace

from trials.verdicts.words import Judgement


def with_requests(judgement: Judgement, requests: int, deliveries: int) -> Judgement:
    """The judgement, and how often the service was asked although it had said that it has too much to do."""
    if requests < 2:
        return judgement
    repeated = f"asked {requests} times in one delivery"
    if deliveries < 2:
        return replace(judgement, happened=f"{judgement.happened}; {repeated}")
    most = f"{repeated}, which up to {deliveries} deliveries multiply: {requests * deliveries} requests for one event"
    return replace(judgement, happened=f"{judgement.happened}; {repeated}", details=(*judgement.details, most))
