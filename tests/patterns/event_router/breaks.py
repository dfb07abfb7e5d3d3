"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import GIVEN_UP, LOST, TEMPLATE, Break

BREAKS = (
    Break("event_router", "10 are for shipping, no other",
          ((TEMPLATE, "[{ anything-but: [XX, ZZ] }]", "[{ anything-but: [XX, ZZ] }, { exists: false }]"),)),
    Break("event_router", "large, suspicious or not shipped", ((TEMPLATE, '[">=", 1000]', '[">", 1000]'),)),
    Break("event_router", "no order falls between two rules",
          ((TEMPLATE, "country: [XX, ZZ, { exists: false }]", "country: [XX, ZZ]"),)),
    Break("event_router", "a repeat ships nothing",
          (("ship.py", '{"event_id": {"S": placed.event_id}', '{"event_id": {"S": event["id"]}'),)),
    Break("event_router", "a repeat can be told",
          (("publish.py", "f\"placed-{order['order_id']}\"", 'f"placed-{random.random()}"'),)),
    Break("event_router", "nothing is lost", ((TEMPLATE, GIVEN_UP, LOST),)),
    Break("event_router", "only what is missing is done",
          (("ship.py", "    placed =", '    if "replay-name" in event:\n        return\n    placed ='),)),
)  # fmt: skip
