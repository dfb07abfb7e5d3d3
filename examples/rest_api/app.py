"""Orders over HTTP: a clear contract, no leaks, safe retries."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders import KeyReused, NewOrder, Order, Page, find, page, place
from problems import DOCUMENTED, handle

logger = Logger()
app = APIGatewayHttpResolver(enable_validation=True)
handle(app)


def caller() -> str:
    return app.current_event.request_context.authorizer.jwt_claim["sub"]


@app.post("/orders", responses={201: {"description": "Placed, now or by the first attempt"}, **DOCUMENTED})
def place_order(
    order: NewOrder, idempotency_key: Annotated[str, Header(min_length=1, max_length=255)]
) -> Response[Order]:
    if not isinstance(app.current_event.json_body, dict):  # of a list, the resolver takes the first and drops the rest
        raise ServiceError(422, "one order at a time")
    try:
        placed = place(caller(), idempotency_key, order, str(logger.get_correlation_id()))
    except KeyReused:
        raise ServiceError(409, "this Idempotency-Key was used for another order") from None
    logger.info("placed", order_id=str(placed.order_id))
    return Response(201, "application/json", placed, headers={"Location": f"/orders/{placed.order_id}"})


@app.get("/orders/<order_id>", responses={200: {"description": "The order"}, **DOCUMENTED})
def show_order(order_id: UUID) -> Order:
    if order := find(caller(), order_id):
        return order
    raise NotFoundError("no such order of yours")


@app.get("/orders", responses={200: {"description": "A page; `after` leads to the next"}, **DOCUMENTED})
def list_orders(limit: Annotated[int, Query(ge=1, le=100)] = 20, after: Annotated[UUID | None, Query()] = None) -> Page:
    return page(caller(), limit, after)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict, context: LambdaContext) -> dict:
    return app.resolve(event, context)
