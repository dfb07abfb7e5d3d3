import { ApiGatewayManagementApiClient, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";

const database = new DynamoDBClient();
const connections = new ApiGatewayManagementApiClient({ endpoint: process.env.URL });
const TableName = process.env.CONNECTIONS;

export const handler = async (event) => {
  const { routeKey, connectionId } = event.requestContext;
  const connection = { pk: { S: connectionId } };
  if (routeKey === "$connect") {
    await database.send(new PutItemCommand({ TableName, Item: connection }));
  } else if (routeKey === "$disconnect") {
    await database.send(new DeleteItemCommand({ TableName, Key: connection }));
  } else {
    const { Items } = await database.send(new ScanCommand({ TableName }));
    for (const { pk } of Items) {
      await connections.send(new PostToConnectionCommand({ ConnectionId: pk.S, Data: event.body })); // 410 ends the loop
    }
  }
  return { statusCode: 200 };
};
