// Each consumer gets exactly the events it asked for; no order falls between them, or is lost when a target fails.
import { Aws, CfnOutput, CfnParameter, type CfnResource, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { CfnArchive, EventBus, Match, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction, SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

export class EventRouter extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "Each consumer gets exactly the events it asked for; no order falls between them, or is lost when a target fails.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const bus = new EventBus(this, "Bus", { eventBusName: `${Aws.STACK_NAME}-shop` });
    new CfnArchive(this, "History", { sourceArn: bus.eventBusArn, retentionDays: 30 }); // L2 would ask for a pattern
    const undelivered = new Queue(this, "Undelivered", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const kept = { deadLetterQueue: undelivered, retryAttempts: 20, maxEventAge: Duration.hours(1) };

    const ShopFunction = functions(this);
    const publish = new ShopFunction(this, "Publish", __dirname, {
      handler: "publish.handler",
      timeout: 30,
      logGroup,
      environment: { BUS_NAME: bus.eventBusName, POWERTOOLS_SERVICE_NAME: "orders" },
    });
    bus.grantPutEventsTo(publish);

    const shipments = new TableV2(this, "Shipments", {
      partitionKey: { name: "event_id", type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ship = new ShopFunction(this, "Ship", __dirname, {
      handler: "ship.handler",
      timeout: 30,
      logGroup,
      environment: { SHIPMENTS_TABLE: shipments.tableName, POWERTOOLS_SERVICE_NAME: "shipping" },
      maxEventAge: Duration.hours(1),
      onFailure: new SqsDestination(undelivered), // the rule's own DLQ never sees what the function raises
    });
    shipments.grant(ship, "dynamodb:PutItem");
    new Rule(this, "ShipPlaced", {
      eventBus: bus,
      eventPattern: {
        source: Match.prefix("shop."),
        detailType: ["OrderPlaced"],
        detail: { data: { country: Match.anythingBut("XX", "ZZ"), held: Match.doesNotExist() } },
      },
      targets: [new LambdaFunction(ship, kept)], // admits the rule to function and DLQ
    });

    const reviews = new Queue(this, "Reviews", { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true });
    const toReview = new Rule(this, "ToReview", {
      eventBus: bus,
      eventPattern: { detailType: ["OrderPlaced"] },
      targets: [new SqsQueue(reviews, kept)],
    });
    (toReview.node.defaultChild as CfnResource).addPropertyOverride("EventPattern.$or", [
      { detail: { data: { total: [{ numeric: [">=", 1000] }] } } }, // L2 has no `$or`
      { detail: { data: { email: [{ suffix: ".example" }] } } },
      { detail: { data: { country: ["XX", "ZZ", { exists: false }] } } }, // ShipPlaced needs a country
      { detail: { data: { held: [{ exists: true }] } } },
    ]);

    const waiting = undelivered.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(1),
      statistic: "Maximum",
    });
    const mend = "A target or its function failed for good. The message's attributes or its body say which.";
    alarm(this, "NotDelivered", waiting, alarms, { whatToDo: mend });

    new CfnOutput(this, "BusName", { value: bus.eventBusName });
    new CfnOutput(this, "PublishFunction", { value: publish.functionName });
    new CfnOutput(this, "ShipFunction", { value: ship.functionName });
    new CfnOutput(this, "ReviewsUrl", { value: reviews.queueUrl });
    new CfnOutput(this, "UndeliveredUrl", { value: undelivered.queueUrl });
    new CfnOutput(this, "ShipmentsTable", { value: shipments.tableName });
  }
}
