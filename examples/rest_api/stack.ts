// Orders over HTTP; a clear contract, no leaks, safe retries.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, StreamViewType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const LOGGED =
  '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status",' +
  '"sub":"$context.authorizer.claims.sub","error":"$context.integrationErrorMessage"}';

export class RestApi extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: "Orders over HTTP; a clear contract, no leaks, safe retries." });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const issuer = new CfnParameter(this, "Issuer").valueAsString;
    const audience = new CfnParameter(this, "Audience").valueAsString;
    const origin = new CfnParameter(this, "Origin").valueAsString;
    const kept = { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY };
    const logGroup = new LogGroup(this, "Logs", kept);
    const accessLogs = new LogGroup(this, "AccessLogs", kept);

    const table = new TableV2(this, "Table", {
      partitionKey: { name: "customer", type: AttributeType.STRING },
      sortKey: { name: "order_id", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE, // what comes next reads it, as the shop does
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const ShopFunction = functions(this);
    const orders = new ShopFunction(this, "Orders", __dirname, {
      handler: "app.handler",
      memorySize: 1024, // validation at start is CPU work
      timeout: 20, // below the integration's 30 s, so that the caller gets our answer
      logGroup,
      environment: { ORDERS_TABLE: table.tableName, POWERTOOLS_SERVICE_NAME: "orders" },
    });
    table.grant(orders, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query");

    const integration = new HttpLambdaIntegration("Integration", orders);
    const customers = new HttpJwtAuthorizer("Customers", issuer, { jwtAudience: [audience] });
    const api = new HttpApi(this, "Api", {
      createDefaultStage: false,
      corsPreflight: {
        allowOrigins: [origin], // replaces the function's own CORS headers
        allowMethods: [CorsHttpMethod.GET, CorsHttpMethod.POST],
        allowHeaders: ["authorization", "content-type", "idempotency-key"],
        exposeHeaders: ["location"],
        maxAge: Duration.minutes(10),
      },
      defaultAuthorizer: customers,
      defaultIntegration: integration, // the function knows its routes, and answers the others with its own 404
    });
    api.addRoutes({
      path: "/{proxy+}", // a browser sends no token with OPTIONS, which $default would catch and refuse
      methods: [HttpMethod.OPTIONS],
      integration,
      authorizer: new HttpNoneAuthorizer(),
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 200 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLogs),
        format: AccessLogFormat.custom(LOGGED),
      },
    });

    const failing = api.metricServerError({ period: Duration.minutes(1), statistic: "Average" }); // share of requests
    alarm(this, "Errors", failing, alarms, {
      above: 0.01,
      evaluationPeriods: 5,
      datapointsToAlarm: 3,
      whatToDo: "Callers get 5xx answers.",
    });

    new CfnOutput(this, "ApiId", { value: api.apiId });
    new CfnOutput(this, "Url", { value: `https://${api.apiId}.execute-api.${this.region}.${this.urlSuffix}` });
    new CfnOutput(this, "OrdersTable", { value: table.tableName });
    new CfnOutput(this, "OrdersStreamArn", { value: String(table.tableStreamArn) });
    new CfnOutput(this, "AuthorizerId", { value: customers.authorizerId });
  }
}
