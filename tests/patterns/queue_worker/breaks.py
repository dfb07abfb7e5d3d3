"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import TEMPLATE, Break

BREAKS = (
    Break("queue_worker", "every order is booked",
          (("app.py", "return book(order=Order.model_validate_json(record.body))",
            "return Order.model_validate_json(record.body).model_dump()"),)),
    Break("queue_worker", "a duplicate books nothing",
          (("app.py", "@idempotent_function(", "# @idempotent_function("),)),
    Break("queue_worker", "never more than 5",
          ((TEMPLATE, "MaximumConcurrency: 5", "MaximumConcurrency: 8"), (TEMPLATE, "BatchSize: 10", "BatchSize: 5"))),
    Break("queue_worker", "never more than 5",
          (("app.py", "    return dict(", "    from concurrent.futures import ThreadPoolExecutor\n\n"
            "    with ThreadPoolExecutor() as pool:\n"
            '        [pool.submit(ship, SQSRecord(each)) for each in event["Records"]]\n    return dict('),)),
    Break("queue_worker", "poison is set aside, body intact",
          (("app.py", "        hopeless =", "        if isinstance(error, ValidationError):\n            return {}\n"
            "        hopeless ="),)),
    Break("queue_worker", "recorded, and not asked again",
          (("app.py", "reply.status == 422:", "reply.status == 418:"),)),
    Break("queue_worker", "nothing is lost",
          (("app.py", 'raise ConnectionError(f"carrier said {reply.status}")', "return {}"),)),
)  # fmt: skip
