// Keeps where each order stands, by its events in their order; a bus that keeps them gives back what was missed.
import { Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { CfnEventBus, CfnSubscriber } from "aws-cdk-lib/aws-eventsv2";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnDelivery, CfnDeliveryDestination, CfnDeliverySource, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const ABOUT =
  "Keeps where each order stands, by its events in their order; a bus that keeps them gives back what was missed.";

export class KeptEvents extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: ABOUT });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const { attrEventBusArn: bus } = new CfnEventBus(this, "Shop", {
      name: `${Aws.STACK_NAME}-shop`,
      storageConfiguration: { retentionPeriodInDays: 14 },
    });
    // records of the bus, which name an event, and events that nobody can read
    const missed = new Queue(this, "Missed", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const orders = new TableV2(this, "Orders", {
      partitionKey: { name: "order_id", type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ShopFunction = functions(this); // of the modules in Python, or of those in TypeScript
    const publish = new ShopFunction(this, "Publish", __dirname, {
      handler: "publish.handler",
      timeout: 30,
      logGroup,
      environment: { BUS_ARN: bus, POWERTOOLS_SERVICE_NAME: "orders" },
    });
    publish.addToRolePolicy(new PolicyStatement({ actions: ["events:PutEvents"], resources: [bus] }));
    const track = new ShopFunction(this, "Track", __dirname, {
      handler: "track.handler",
      timeout: 15, // below the 30 s that the bus waits
      logGroup,
      environment: {
        ORDERS_TABLE: orders.tableName,
        MISSED_URL: missed.queueUrl,
        POWERTOOLS_SERVICE_NAME: "track",
      },
    });
    orders.grant(track, "dynamodb:GetItem", "dynamodb:PutItem");
    track.addToRolePolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [missed.queueArn] }));

    const conditions = { StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID } };
    const deliver = new Role(this, "Deliver", {
      assumedBy: new ServicePrincipal("events.amazonaws.com", { conditions }),
    });
    deliver.addToPolicy(new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [track.functionArn] }));
    deliver.addToPolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [missed.queueArn] }));
    const toTrack = new CfnSubscriber(this, "ToTrack", {
      name: `${Aws.STACK_NAME}-track`,
      eventBusArn: bus,
      type: "FIFO", // within the EventGroupId that the producer gave
      startingPosition: "LATEST",
      filterConfiguration: { filters: [{ scope: "DATA", pattern: '{"source": ["shop.orders"]}' }] },
      batchConfiguration: { maxBatchSize: 1 }, // an event, not a list of events
      transformer: { type: "WITH_METADATA" }, // tells a replay
      invokeConfiguration: {
        targetArn: track.functionArn,
        roleArn: deliver.roleArn,
        lambdaParameters: { invocationType: "REQUEST_RESPONSE" }, // what it throws is retried here
      },
      retryPolicy: { maxRetryAttempts: 20, maxEventAgeInSeconds: 300 }, // meanwhile the events of all groups wait
      onFailureConfiguration: { arn: missed.queueArn },
      logConfiguration: { level: "ERROR" }, // off by default
    });
    toTrack.node.addDependency(deliver); // with what it may do
    this.logFailures(toTrack);

    const operate = new ShopFunction(this, "Operate", __dirname, {
      handler: "operate.handler", // a human invokes it
      timeout: 60,
      logGroup,
      environment: {
        BUS_ARN: bus,
        SUBSCRIBER_ARN: toTrack.attrSubscriberArn,
        ORDERS_TABLE: orders.tableName,
        POWERTOOLS_SERVICE_NAME: "track",
      },
    });
    const subscribers = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:subscriber`;
    for (const [actions, resource] of [
      [["events:CreateSubscriber"], bus],
      [["events:DescribeSubscriber", "events:UpdateSubscriber"], toTrack.attrSubscriberArn],
      [["events:DeleteSubscriber"], `${subscribers}/${Aws.STACK_NAME}-track-again-*`], // of its own readers
      [["iam:PassRole"], deliver.roleArn],
    ] as const) {
      operate.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [resource] }));
    }
    orders.grant(operate, "dynamodb:Scan");

    const missing = new Metric({
      namespace: "Shop",
      metricName: "EventMissing",
      dimensionsMap: { service: "track" },
      statistic: "Sum",
      period: MINUTE,
    });
    const again = "An order lacks an event. Mend what failed, then let Operate READ_AGAIN from before it.";
    alarm(this, "EventsMissing", missing, alarms, { whatToDo: again });
    const waiting = missed.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "Events were given up, or nobody can read them. Mend the cause, then let Operate READ_AGAIN.";
    alarm(this, "NotTracked", waiting, alarms, { whatToDo: mend });
    const pause = "Track fails, and all orders wait. PAUSE by Operate before events are given up, mend, RESUME.";
    alarm(this, "HeldUp", track.metricErrors({ period: MINUTE }), alarms, { evaluationPeriods: 2, whatToDo: pause });

    new CfnOutput(this, "BusArn", { value: bus });
    new CfnOutput(this, "SubscriberArn", { value: toTrack.attrSubscriberArn });
    new CfnOutput(this, "OrdersTable", { value: orders.tableName });
    new CfnOutput(this, "MissedUrl", { value: missed.queueUrl });
    new CfnOutput(this, "PublishFunction", { value: publish.functionName });
    new CfnOutput(this, "TrackFunction", { value: track.functionName });
    new CfnOutput(this, "OperateFunction", { value: operate.functionName });
  }

  /** Without a delivery the level writes nothing anywhere. */
  private logFailures(subscriber: CfnSubscriber): void {
    const failed = new LogGroup(this, "FailedDeliveries", {
      logGroupName: `/aws/vendedlogs/${Aws.STACK_NAME}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const source = new CfnDeliverySource(this, "FromSubscriber", {
      name: `${Aws.STACK_NAME}-track`,
      resourceArn: subscriber.attrSubscriberArn,
      logType: "ERROR_LOGS",
    });
    const toLogs = new CfnDeliveryDestination(this, "ToLogs", {
      name: `${Aws.STACK_NAME}-logs`,
      destinationResourceArn: failed.logGroupArn,
    });
    new CfnDelivery(this, "DeliverLogs", {
      deliverySourceName: source.ref,
      deliveryDestinationArn: toLogs.attrArn,
    });
  }
}
