// Ships, invoices and counts each OrderPlaced once; no subscriber waits for another.
import { ArnFormat, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import type { Function as Lambda } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  FilterOrPolicy,
  type ITopic,
  Subscription,
  SubscriptionFilter,
  type SubscriptionOptions,
  SubscriptionProtocol,
  Topic,
} from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const SNS = new ServicePrincipal("sns.amazonaws.com");
const WHEN_SNS_FAILS = {
  NotDelivered: [
    "NumberOfNotificationsFailed",
    "Mend the queue's policy or key. What SNS could not deliver is in the queue's DLQ.",
  ],
  NotKept: [
    "NumberOfNotificationsFailedToRedriveToDlq",
    "Lost for one subscriber. Mend its DLQ's policy, then publish the order again, which the others know.",
  ],
  NotJson: [
    "NumberOfNotificationsFilteredOut-InvalidMessageBody",
    "A filter dropped what is no JSON. Mend the publisher, then publish the order again.",
  ],
} as const;

interface Subscriber {
  readonly table: string;
  readonly writes: string[];
  readonly atOnce?: number;
  readonly timeToLiveAttribute?: string;
  readonly subscription?: Partial<SubscriptionOptions>;
}

export class FanOut extends Stack {
  private readonly alarms: ITopic;
  private readonly key: Key;
  private readonly logGroup: LogGroup;
  private readonly orderPlaced: Topic;

  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Ships, invoices and counts each OrderPlaced once; no subscriber waits for another.",
    });
    this.alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    this.logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.key = new Key(this, "Key", { enableKeyRotation: true, removalPolicy: RemovalPolicy.DESTROY });
    const topics = this.formatArn({ service: "sns", resource: "*", arnFormat: ArnFormat.NO_RESOURCE_NAME });
    const useBySns = new PolicyStatement({
      principals: [SNS], // without it SNS reaches no queue, and publishing still succeeds
      actions: ["kms:GenerateDataKey*", "kms:Decrypt"],
      resources: ["*"],
      conditions: { ArnLike: { "aws:SourceArn": topics } }, // the topic's own ARN would be circular
    });
    this.key.addToResourcePolicy(useBySns);
    this.orderPlaced = new Topic(this, "OrderPlaced", { masterKey: this.key, enforceSSL: true });
    const ofPublish = { TOPIC_ARN: this.orderPlaced.topicArn, POWERTOOLS_SERVICE_NAME: "orders" };
    const publish = this.function("Publish", "publish.handler", ofPublish);
    this.orderPlaced.grantPublish(publish); // and the use of its key

    const large = SubscriptionFilter.numericFilter({ greaterThan: 50_000 });
    const onlyLarge = { order: FilterOrPolicy.policy({ total_cents: FilterOrPolicy.filter(large) }) };
    this.subscriber("Ship", "app.shipping", { table: "Shipments", writes: ["dynamodb:PutItem"] });
    this.subscriber("Invoice", "app.invoicing", {
      table: "Invoices",
      writes: ["dynamodb:PutItem"],
      subscription: { filterPolicyWithMessageBody: onlyLarge },
    });
    this.subscriber("Count", "app.analytics", {
      table: "Revenue",
      writes: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
      atOnce: 2, // they contend for the item of the day
      timeToLiveAttribute: "expires",
    });

    for (const [alarmName, [metric, whatToDo]] of Object.entries(WHEN_SNS_FAILS)) {
      const failures = this.orderPlaced.metric(metric, { period: MINUTE, statistic: "Sum" });
      alarm(this, alarmName, failures, this.alarms, { whatToDo });
    }

    new CfnOutput(this, "TopicArn", { value: this.orderPlaced.topicArn });
    new CfnOutput(this, "PublishFunction", { value: publish.functionName });
  }

  /** A queue of its own under the topic, with what it needs to be late or broken alone. */
  private subscriber(name: string, handler: string, wanted: Subscriber): void {
    const dlq = new Queue(this, `To${name}Dlq`, {
      encryption: QueueEncryption.SQS_MANAGED, // not the key, whose faults end here; else a second one that admits SNS
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const queue = new Queue(this, `To${name}`, {
      encryptionMasterKey: this.key,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(6), // 6 x timeout + batching window (none)
      deadLetterQueue: { queue: dlq, maxReceiveCount: 5 },
    });
    const fromTopic = new PolicyStatement({
      principals: [SNS],
      actions: ["sqs:SendMessage"],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { "aws:SourceArn": this.orderPlaced.topicArn } },
    });
    queue.addToResourcePolicy(fromTopic);
    new Subscription(this, `To${name}Subscription`, {
      topic: this.orderPlaced, // SqsSubscription would name it in the key's policy, and the topic needs the key
      protocol: SubscriptionProtocol.SQS,
      endpoint: queue.queueArn,
      rawMessageDelivery: true,
      deadLetterQueue: dlq, // the queue's own DLQ: what is in it belongs to this queue alone
      ...wanted.subscription,
    });
    const table = new TableV2(this, wanted.table, {
      partitionKey: { name: "id", type: AttributeType.STRING },
      timeToLiveAttribute: wanted.timeToLiveAttribute,
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const service = handler.replace("app.", "");
    const variables = { RECORDS_TABLE: table.tableName, POWERTOOLS_SERVICE_NAME: service };
    const made = this.function(name, handler, variables);
    table.grant(made, ...wanted.writes);
    const maxConcurrency = wanted.atOnce ?? 10; // a backlog here must not take the account's concurrency
    made.addEventSource(new SqsEventSource(queue, { reportBatchItemFailures: true, maxConcurrency }));

    const dead = dlq.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const redrive = `Mend the cause, then move To${name}Dlq to To${name}, naming the destination.`;
    alarm(this, `To${name}Dead`, dead, this.alarms, { whatToDo: redrive });
    const age = queue.metricApproximateAgeOfOldestMessage({ period: MINUTE, statistic: "Maximum" });
    const late = "What is older than the queue's retention is deleted.";
    alarm(this, `To${name}Waits`, age, this.alarms, { above: 3600, evaluationPeriods: 5, whatToDo: late });
  }

  private function(name: string, handler: string, environment: Record<string, string>): Lambda {
    const ShopFunction = functions(this);
    return new ShopFunction(this, name, __dirname, {
      handler,
      timeout: 60, // 10 records, one after the other
      logGroup: this.logGroup,
      environment,
    });
  }
}
