"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

MARK = """    trace = {"id": f"charge#{event['order_id']}", "begun": True}
    steps.put_item(Item=trace, ConditionExpression="attribute_not_exists(undone)")
"""
CHARGES = (
    MARK
    + """    paid = ask("PUT", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])
"""
)
CHARGES_LAST = f"""    if "Item" in steps.get_item(Key={{"id": f"charge#{{event['order_id']}}"}}):
        return {{}}
    paid = ask("POST", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])
{MARK}"""
CHARGED_BY_MARK = """    if "Item" in steps.get_item(Key={"id": f"charge#{event['order_id']}"}):
        return {}
"""

SEEDS = (
    Seed(
        "saga",
        "posts without an idempotency key",
        "twice",
        "doubled",
        (("partner.py", 'ask("PUT", event["order_id"], CardDeclined', 'ask("POST", event["order_id"], CardDeclined'),),
    ),
    Seed("saga", "looks first, then charges", "twice at once", "doubled", (("partner.py", CHARGES, CHARGES_LAST),)),
    Seed(
        "saga",
        "takes a charge that was begun for done",
        "throttled",
        "lost",
        (("partner.py", CHARGES, CHARGED_BY_MARK + CHARGES),),
    ),
)
