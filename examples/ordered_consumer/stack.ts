// Applies the changes of each SKU's stock once and in order; a SKU whose next change cannot be applied is parked.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { type Attribute, AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const ABOUT =
  "Applies the changes of each SKU's stock once and in order; a SKU whose next change cannot be applied is parked.";

export class OrderedConsumer extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: ABOUT });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);

    const dlq = new Queue(this, "ChangesDlq", {
      fifo: true,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const changes = new Queue(this, "Changes", {
      fifo: true,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP, // with the next line: high throughput
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      visibilityTimeout: Duration.minutes(2), // 6 x timeout, and the pause between two tries of a group
      deadLetterQueue: { queue: dlq, maxReceiveCount: 121 }, // 4 hours, see template.yaml
    });
    // nothing in it expires: a repeat of what was forgotten would find a number missing
    const kept = (id: string, sortKey?: Attribute) =>
      new TableV2(this, id, {
        partitionKey: { name: "sku", type: AttributeType.STRING },
        sortKey,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: true,
        encryption: TableEncryptionV2.awsManagedKey(),
        removalPolicy: RemovalPolicy.RETAIN,
      });
    const stock = kept("Stock");
    const parked = kept("Parked", { name: "number", type: AttributeType.NUMBER }); // a scan lists all that wait
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const variables = {
      STOCK_TABLE: stock.tableName,
      PARKED_TABLE: parked.tableName,
      POWERTOOLS_SERVICE_NAME: "stock",
    };
    const ShopFunction = functions(this); // of the modules in Python, or of those in TypeScript
    const applyChanges = new ShopFunction(this, "ApplyChanges", __dirname, {
      handler: "app.handler",
      timeout: 20, // 10 records, one after the other
      logGroup,
      environment: { ...variables, CHANGES_DLQ_URL: dlq.queueUrl },
    });
    const release = new ShopFunction(this, "Release", __dirname, {
      handler: "release.handler", // a human invokes it
      timeout: 300,
      logGroup,
      environment: variables,
    });
    for (const each of [applyChanges, release]) stock.grant(each, "dynamodb:GetItem", "dynamodb:PutItem");
    parked.grant(applyChanges, "dynamodb:PutItem");
    parked.grant(release, "dynamodb:Query", "dynamodb:DeleteItem");
    applyChanges.addToRolePolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [dlq.queueArn] }));
    const source = new SqsEventSource(changes, {
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: 10, // batches at a time; a group is in one of them at most
    });
    applyChanges.addEventSource(source);

    const counted = (metricName: string, period: Duration) =>
      new Metric({ namespace: "Shop", metricName, dimensionsMap: { service: "stock" }, statistic: "Sum", period });
    const mend = "A SKU's stock stands still. Scan Parked, mend what its first change names, invoke Release.";
    alarm(this, "ParkedChanges", counted("ChangeParked", MINUTE), alarms, { whatToDo: mend });
    const dead = dlq.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const read = "A change could not be read or taken. Mend it or the reader, redrive ChangesDlq, invoke Release.";
    alarm(this, "DeadLetters", dead, alarms, { whatToDo: read });
    const delayed = counted("ChangeDelayed", Duration.minutes(5)); // longer than the pause: it stays on while they wait
    const look = "Changes are tried for the fifth time or later: what fails? They outlast 4 hours of it.";
    alarm(this, "Delayed", delayed, alarms, { whatToDo: look });
    const age = changes.metricApproximateAgeOfOldestMessage({ period: MINUTE, statistic: "Maximum" });
    const speedUp = "Changes wait; a change older than the queue's retention is deleted.";
    alarm(this, "Backlog", age, alarms, { above: 3600, evaluationPeriods: 5, whatToDo: speedUp });

    new CfnOutput(this, "ChangesUrl", { value: changes.queueUrl });
    new CfnOutput(this, "ChangesArn", { value: changes.queueArn });
    new CfnOutput(this, "ChangesDlqUrl", { value: dlq.queueUrl });
    new CfnOutput(this, "ChangesDlqArn", { value: dlq.queueArn });
    new CfnOutput(this, "StockTable", { value: stock.tableName });
    new CfnOutput(this, "ParkedTable", { value: parked.tableName });
    new CfnOutput(this, "ApplyFunction", { value: applyChanges.functionName });
    new CfnOutput(this, "ReleaseFunction", { value: release.functionName });
  }
}
