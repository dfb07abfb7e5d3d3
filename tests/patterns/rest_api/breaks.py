"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import TEMPLATE, Break

BREAKS = (
    Break("rest_api", "401 for each",
          ((TEMPLATE, "{ Issuer: !Ref Issuer, Audience: [!Ref Audience] }", "{ Issuer: !Ref Issuer }"),)),
    Break("rest_api", "one order, five equal answers",
          (("orders.py", 'f"{len(customer)}:{customer}:{key}"', 'f"{customer}:{key}:{os.urandom(8).hex()}"'),)),
    Break("rest_api", "refused and said why",
          (("orders.py", 'if found["Item"]["request"]["S"] != request:',
            'if found["Item"]["sku"]["S"] != order.sku:'),)),
    Break("rest_api", "nobody sees another's", (("app.py", 'jwt_claim["sub"]', 'jwt_claim["aud"]'),)),
    Break("rest_api", "each once", (("orders.py", "    if after:", "    if after and not limit:"),)),
    Break("rest_api", "problem details",
          (("orders.py", 'NewOrder(BaseModel, extra="forbid")', "NewOrder(BaseModel)"),)),
)  # fmt: skip
