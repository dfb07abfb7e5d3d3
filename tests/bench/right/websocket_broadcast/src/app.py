import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS"])


def handler(event, context):
    route, connection = event["requestContext"]["routeKey"], event["requestContext"]["connectionId"]
    if route == "$connect":
        table.put_item(Item={"pk": connection})
    elif route == "$disconnect":
        table.delete_item(Key={"pk": connection})
    else:
        api = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["URL"])
        for item in table.scan()["Items"]:
            try:
                api.post_to_connection(ConnectionId=item["pk"], Data=event["body"].encode())
            except api.exceptions.GoneException:
                table.delete_item(Key={"pk": item["pk"]})
    return {"statusCode": 200}
