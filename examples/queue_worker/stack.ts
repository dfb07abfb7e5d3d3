// Books one shipment for each order, however often the queue delivers it, at a carrier that dedupes by our key.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, StreamViewType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);

export class QueueWorker extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "Books one shipment for each order, however often the queue delivers it, at a carrier that dedupes by our key.",
    });
    const carrierUrl = new CfnParameter(this, "CarrierUrl").valueAsString;
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);

    const dlq = new Queue(this, "OrdersDlq", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14), // counts from the first send, so longer than the source's
    });
    const orders = new Queue(this, "Orders", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(6), // 6 x timeout + batching window (none)
      deadLetterQueue: { queue: dlq, maxReceiveCount: 40 }, // 39 pauses, see template.yaml
    });
    const shipments = new TableV2(this, "Shipments", {
      partitionKey: { name: "id", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE, // what comes next reads it, as the shop does
      timeToLiveAttribute: "expiration",
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ShopFunction = functions(this); // of app.py, or of app.ts
    const shipOrders = new ShopFunction(this, "ShipOrders", __dirname, {
      handler: "app.handler",
      timeout: 60, // 10 records, one after the other
      logGroup,
      environment: {
        CARRIER_URL: carrierUrl,
        ORDERS_URL: orders.queueUrl,
        SHIPMENTS_TABLE: shipments.tableName,
        POWERTOOLS_SERVICE_NAME: "shipping",
      },
    });
    const writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    shipments.grant(shipOrders, "dynamodb:GetItem", ...writes); // grantReadWriteData would add Scan and more
    const source = new SqsEventSource(orders, {
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: 5, // what the carrier allows; an invocation makes one call at a time
    });
    shipOrders.addEventSource(source); // grants ChangeMessageVisibility too

    const dead = dlq.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "An order could not be shipped. Find the cause, mend it, redrive OrdersDlq.";
    alarm(this, "DeadLetters", dead, alarms, { whatToDo: mend });
    const refused = new Metric({
      namespace: "Shop",
      metricName: "OrderRefused",
      dimensionsMap: { service: "shipping" },
      statistic: "Sum",
      period: MINUTE,
    });
    const tell = "The carrier refused an order for good. Its record in Shipments says why; tell the customer.";
    alarm(this, "Refusals", refused, alarms, { whatToDo: tell });
    const delayed = new Metric({
      namespace: "Shop",
      metricName: "OrderDelayed",
      dimensionsMap: { service: "shipping" },
      statistic: "Sum",
      period: Duration.minutes(15), // the longest pause: it stays on while they wait
    });
    const look = "Orders wait for their eighth try or a later one: is the carrier down? They outlast 4 hours of it.";
    alarm(this, "Delayed", delayed, alarms, { whatToDo: look });
    const age = orders.metricApproximateAgeOfOldestMessage({ period: MINUTE, statistic: "Maximum" });
    const speedUp = "Orders wait; a message older than the queue's retention is deleted.";
    alarm(this, "Backlog", age, alarms, { above: 3600, evaluationPeriods: 5, whatToDo: speedUp });

    new CfnOutput(this, "OrdersUrl", { value: orders.queueUrl });
    new CfnOutput(this, "OrdersArn", { value: orders.queueArn });
    new CfnOutput(this, "OrdersDlqUrl", { value: dlq.queueUrl });
    new CfnOutput(this, "OrdersDlqArn", { value: dlq.queueArn });
    new CfnOutput(this, "ShipmentsTable", { value: shipments.tableName });
    new CfnOutput(this, "ShipmentsStreamArn", { value: String(shipments.tableStreamArn) });
    new CfnOutput(this, "FunctionName", { value: shipOrders.functionName });
  }
}
