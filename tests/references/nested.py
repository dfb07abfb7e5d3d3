"""Takes an order out of an event inside a queue's message, and nothing that merely looks like one."""

from typing import Annotated, Literal

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]  # no `#`: it parts item keys


class Order(BaseModel):
    tenant: Id
    order_id: Id
    total: int = Field(strict=True, ge=0, le=1_000_000)


class OrderPlaced(BaseModel):
    source: Literal["shop.orders"]
    detail_type: Literal["OrderPlaced"] = Field(alias="detail-type")
    detail: Order


def placed(record: SQSRecord) -> Order:
    """Fields that nobody asked for are dropped: refusing them would refuse every replay and each later version."""
    return OrderPlaced.model_validate_json(record.body).detail
