"""Every error as problem details (RFC 9457), and none with an inside view."""

import json
from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError

logger = Logger()
DOCUMENTED = {
    status: {"description": HTTPStatus(status).phrase, "content": {"application/problem+json": {}}}
    for status in (400, 404, 409, 415, 422, 500)
}


def problem(status: int, **members: object) -> Response:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, **members}
    return Response(status, "application/problem+json", json.dumps(body))


def invalid(error: RequestValidationError) -> Response:
    errors = [{"where": list(map(str, each["loc"])), "what": each["type"]} for each in error.errors()]
    return problem(422 if errors[0]["where"][0] == "body" else 400, errors=errors)


def unreadable(error: ValueError) -> Response:
    """Python reads no integer of thousands of digits; any other of its kind is a fault of ours."""
    too_long = "integer string conversion" in str(error)
    return problem(422, detail="a number is too long") if too_long else unforeseen(error)


def unforeseen(error: Exception) -> Response:
    logger.exception("unforeseen")  # the whole story stays in the log
    return problem(500)


def handle(app: APIGatewayHttpResolver) -> None:
    app.not_found(lambda _: problem(404))
    app.exception_handler(RequestValidationError)(invalid)
    app.exception_handler(ServiceError)(lambda error: problem(error.status_code, detail=error.msg))
    app.exception_handler(RequestUnsupportedContentType)(lambda _: problem(415, detail="JSON, please"))
    app.exception_handler(UnicodeDecodeError)(lambda _: problem(422, detail="no UTF-8"))
    app.exception_handler(ValueError)(unreadable)
    app.exception_handler(RecursionError)(lambda _: problem(422, detail="nested too deeply"))
    app.exception_handler(Exception)(unforeseen)
