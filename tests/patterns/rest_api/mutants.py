"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import JWT, TEMPLATE, Mutant

MUTANTS = (
    Mutant("rest_api", "customer and key flow together",
           (("orders.py", 'f"{len(customer)}:{customer}:{key}"', 'f"{customer}:{key}"'),)),
    Mutant("rest_api", "a used key takes another quantity",
           (("orders.py", 'if found["Item"]["request"]["S"] != request:',
             'if found["Item"]["sku"]["S"] != order.sku:'),)),
    Mutant("rest_api", "a retry overwrites",
           (("orders.py", "attribute_not_exists(order_id)", "attribute_not_exists(placed)"),)),
    Mutant("rest_api", "an order is not yet there when it was just placed",
           (("orders.py", "Key=key, ConsistentRead=True", "Key=key"),)),
    Mutant("rest_api", "bytes that are no text are a fault of ours",
           (("problems.py", "app.exception_handler(UnicodeDecodeError)", "app.exception_handler(EOFError)"),)),
    Mutant("rest_api", "any ValueError is the caller's",
           (("problems.py", 'too_long = "integer string conversion" in str(error)', "too_long = bool(error)"),)),
    Mutant("rest_api", "an inside view",
           (("problems.py", "    return problem(500)", "    return problem(500, detail=str(error))"),)),
    Mutant("rest_api", "of a list, the first order",
           (("app.py", "if not isinstance(app.current_event.json_body, dict):",
             "if app.current_event.json_body is None:"),)),
    Mutant("rest_api", "no token is asked for", ((TEMPLATE, JWT, ""),)),
    Mutant("rest_api", "tokens for other audiences",
           ((TEMPLATE, "{ Issuer: !Ref Issuer, Audience: [!Ref Audience] }", "{ Issuer: !Ref Issuer }"),)),
    Mutant("rest_api", "scripts of any site", ((TEMPLATE, "AllowOrigins: [!Ref Origin]", 'AllowOrigins: ["*"]'),)),
    Mutant("rest_api", "the gateway gives up before the function", ((TEMPLATE, "Timeout: 20 #", "Timeout: 60 #"),)),
    Mutant("rest_api", "a browser's preflight is refused", ((TEMPLATE, '"OPTIONS /{proxy+}"', '"OPTIONS /orders"'),)),
    Mutant("rest_api", "the orders go with their stack",
           ((TEMPLATE, "DeletionPolicy: Retain", "DeletionPolicy: Delete"),)),
    Mutant("rest_api", "the alarm watches nothing", ((TEMPLATE, "MetricName: 5xx", "MetricName: 5XXError"),)),
)  # fmt: skip
