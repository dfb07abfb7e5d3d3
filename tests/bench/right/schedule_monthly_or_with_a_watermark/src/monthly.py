from marks import send_once


def handler(event, context):
    send_once(f"{event['plan_id']}/{event['at'][:7]}")
