// Charges each payment at most once, at a provider without idempotency keys; unknown outcomes wait for a human.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, StreamViewType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const ABOUT =
  "Charges each payment at most once, at a provider without idempotency keys; unknown outcomes wait for a human.";

export class PaymentWorker extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: ABOUT });
    const providerUrl = new CfnParameter(this, "ProviderUrl").valueAsString;
    const service = new CfnParameter(this, "ServiceName", { default: "payments" }).valueAsString; // tells two such apart
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);

    const dlq = new Queue(this, "PaymentsDlq", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14), // counts from the first send, so longer than the source's
    });
    const payments = new Queue(this, "Payments", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(6), // 6 x timeout, and longer than a claim's 60 + 30 s
      deadLetterQueue: { queue: dlq, maxReceiveCount: 40 }, // 39 pauses, see template.yaml
    });
    // nothing in it expires: a claim that did would be charged again
    const ledger = new TableV2(this, "Ledger", {
      partitionKey: { name: "payment_id", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE, // what comes next reads it, as the shop does
      globalSecondaryIndexes: [
        {
          indexName: "Unsettled", // holds what is UNKNOWN or CLAIMED only, so that a human can list it
          partitionKey: { name: "unsettled", type: AttributeType.STRING },
          sortKey: { name: "deadline", type: AttributeType.NUMBER },
        },
      ],
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const variables = {
      PAYMENTS_URL: payments.queueUrl,
      LEDGER_TABLE: ledger.tableName,
      POWERTOOLS_SERVICE_NAME: service,
    };
    const ShopFunction = functions(this); // of the modules in Python, or of those in TypeScript
    const charge = new ShopFunction(this, "Charge", __dirname, {
      handler: "app.handler",
      timeout: 60, // the call takes up to 22 s, the ledger's two writes up to 18 s
      logGroup,
      environment: { ...variables, PROVIDER_URL: providerUrl },
    });
    const resolve = new ShopFunction(this, "Resolve", __dirname, {
      handler: "resolve.handler", // a human invokes it, or a program that asks the provider
      timeout: 30,
      logGroup,
      environment: variables,
    });
    const readsAndWrites = ["dynamodb:GetItem", "dynamodb:UpdateItem"]; // ledger.grant would add the index
    const writes = [...readsAndWrites, "dynamodb:PutItem", "dynamodb:DeleteItem"];
    charge.addToRolePolicy(new PolicyStatement({ actions: writes, resources: [ledger.tableArn] }));
    resolve.addToRolePolicy(new PolicyStatement({ actions: readsAndWrites, resources: [ledger.tableArn] }));
    resolve.addToRolePolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [payments.queueArn] }));
    const source = new SqsEventSource(payments, {
      batchSize: 1, // a death leaves one outcome unknown, and the call has the whole time
      reportBatchItemFailures: true,
      maxConcurrency: 5, // what the provider allows
    });
    charge.addEventSource(source); // grants ChangeMessageVisibility too

    const unknown = new Metric({
      namespace: "Shop",
      metricName: "PaymentUnknown",
      dimensionsMap: { service },
      statistic: "Sum",
      period: MINUTE,
    });
    const ask = "A card may have been charged. List the index Unsettled, ask the provider, invoke Resolve.";
    alarm(this, "Unknown", unknown, alarms, { whatToDo: ask });
    const dead = dlq.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "A payment was not settled in 40 receives. Find the cause, mend it, redrive PaymentsDlq.";
    alarm(this, "DeadLetters", dead, alarms, { whatToDo: mend });
    const delayed = new Metric({
      namespace: "Shop",
      metricName: "PaymentDelayed",
      dimensionsMap: { service },
      statistic: "Sum",
      period: Duration.minutes(15), // the longest pause: it stays on while they wait
    });
    const look = "Payments wait for their eighth try or a later one: is the provider down? They outlast 4 hours of it.";
    alarm(this, "Delayed", delayed, alarms, { whatToDo: look });
    const age = payments.metricApproximateAgeOfOldestMessage({ period: MINUTE, statistic: "Maximum" });
    const speedUp = "Payments wait; a message older than the queue's retention is deleted.";
    alarm(this, "Backlog", age, alarms, { above: 3600, evaluationPeriods: 5, whatToDo: speedUp });

    new CfnOutput(this, "PaymentsUrl", { value: payments.queueUrl });
    new CfnOutput(this, "PaymentsArn", { value: payments.queueArn });
    new CfnOutput(this, "PaymentsDlqUrl", { value: dlq.queueUrl });
    new CfnOutput(this, "LedgerTable", { value: ledger.tableName });
    new CfnOutput(this, "LedgerStreamArn", { value: String(ledger.tableStreamArn) });
    new CfnOutput(this, "ChargeFunction", { value: charge.functionName });
    new CfnOutput(this, "ResolveFunction", { value: resolve.functionName });
  }
}
