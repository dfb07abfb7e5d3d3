from marks import send_once


def handler(event, context):
    print(event["at"])
    send_once(event["campaign_id"])
