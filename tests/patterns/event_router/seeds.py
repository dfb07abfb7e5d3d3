"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS = (
    Seed(
        "event_router",
        "an id of its own for each delivery",
        "twice",
        "doubled",
        (("ship.py", '{"event_id": {"S": placed.event_id}', '{"event_id": {"S": context.aws_request_id}'),),
    ),
    Seed(
        "event_router",
        "no on-failure destination",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "        DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Undelivered.Arn } }\n",
                "",
            ),
        ),
    ),
    Seed(
        "event_router",
        "every error is taken for a repeat",
        "throttled",
        "lost",
        (("ship.py", "except dynamodb.exceptions.ConditionalCheckFailedException:", "except Exception:"),),
    ),
)
