// Joins four examples to a shop, in which each order is charged, shipped and mailed once, or refunded.
import { Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { CfnIntegration, CfnRoute } from "aws-cdk-lib/aws-apigatewayv2";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, StreamViewType, TableEncryptionV2, type TablePropsV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { EventBus, Match, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { CfnPermission, EventSourceMapping, type Function as Lambda, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { SqsDlq, SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const ABOUT = "Joins four examples to a shop, in which each order is charged, shipped and mailed once, or refunded.";
const MINUTE = Duration.minutes(1);
const READ = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"].map((action) => `dynamodb:${action}`);
const WRITES = ["Get", "Put", "Update", "Delete"].map((action) => `dynamodb:${action}Item`);
const INSERTED = '{"eventName": ["INSERT"]}';
const MOVED = '{"eventName": ["INSERT", "MODIFY"]}';
const SETTLED = '{"dynamodb": {"NewImage": {"state": {"S": ["DONE", "REFUSED", "UNKNOWN"]}}}}';
const REFUNDED = '{"dynamodb": {"NewImage": {"state": {"S": ["DONE", "REFUSED"]}}}}';
const COMPLETED = '{"dynamodb": {"NewImage": {"status": {"S": ["COMPLETED"]}}}}';
const KEPT = {
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  removalPolicy: RemovalPolicy.RETAIN,
};

/** The other stacks' outputs are its parameters: each can be deployed and deleted on its own. */
export class Shop extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: ABOUT });
    const given = (parameter: string) => new CfnParameter(this, parameter).valueAsString;
    const alarms = Topic.fromTopicArn(this, "Alarms", given("AlarmTopicArn"));
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const [payments, shipping, refunds] = ["Payments", "Shipping", "Refunds"].map((each) => ({
      url: given(`${each}Url`),
      arn: given(`${each}Arn`),
    })) as [Sent, Sent, Sent];
    const [shipments, busName, domain] = [given("ShipmentsTable"), given("BusName"), given("Domain")];

    const progress = this.table("Progress", "order_id", { dynamoStream: StreamViewType.NEW_IMAGE, ...KEPT });
    const customers = this.table("Customers", "customer", KEPT);
    const prices = this.table("Prices", "sku");
    const records = this.table("MailRecords", "mail_id", { timeToLiveAttribute: "expires" });

    const [mailsDlq, leftBehind] = [this.queue("MailsDlq"), this.queue("LeftBehind")];
    const mails = new Queue(this, "Mails", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(3), // 6 x timeout, and longer than a claim's 30 + 30 s
      deadLetterQueue: { queue: mailsDlq, maxReceiveCount: 24 }, // 23 pauses, see template.yaml
    });

    const ShopFunction = functions(this); // of the modules in Python, or of those in TypeScript
    const made = (name: string, module: string, timeout: number, variables: Record<string, string>) =>
      new ShopFunction(this, name, __dirname, {
        handler: `${module}.handler`,
        timeout,
        logGroup,
        environment: { ...variables, POWERTOOLS_SERVICE_NAME: "shop" },
      });

    const follow = made("Follow", "follow", 60, {
      PROGRESS_TABLE: progress.tableName,
      CUSTOMERS_TABLE: customers.tableName,
      PRICES_TABLE: prices.tableName,
      LEFT_BEHIND_URL: leftBehind.queueUrl,
      PAYMENTS_URL: payments.url,
      SHIPPING_URL: shipping.url,
      REFUNDS_URL: refunds.url,
    });
    progress.grant(follow, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem");
    customers.grant(follow, "dynamodb:GetItem");
    prices.grant(follow, "dynamodb:GetItem");
    const queues = [payments.arn, shipping.arn, refunds.arn, leftBehind.queueArn];
    follow.addToRolePolicy(new PolicyStatement({ actions: ["sqs:SendMessage"], resources: queues }));
    this.followStream("FollowPlaced", follow, given("OrdersStreamArn"), INSERTED, leftBehind);
    this.followStream("FollowCharged", follow, given("LedgerStreamArn"), SETTLED, leftBehind);
    this.followStream("FollowShipped", follow, given("ShipmentsStreamArn"), COMPLETED, leftBehind);
    this.followStream("FollowRefunded", follow, given("RefundsStreamArn"), REFUNDED, leftBehind);

    const announce = made("Announce", "announce", 30, { BUS_NAME: busName, LEFT_BEHIND_URL: leftBehind.queueUrl });
    const bus = EventBus.fromEventBusName(this, "Bus", busName);
    bus.grantPutEventsTo(announce);
    const setAside = { actions: ["sqs:SendMessage"], resources: [leftBehind.queueArn] };
    announce.addToRolePolicy(new PolicyStatement(setAside));
    this.followStream("AnnounceMoved", announce, String(progress.tableStreamArn), MOVED, leftBehind);

    const giveUp = made("GiveUp", "give_up", 25, { CARRIER_URL: given("CarrierUrl"), SHIPMENTS_TABLE: shipments });
    const tableArn = `arn:${Aws.PARTITION}:dynamodb:${Aws.REGION}:${Aws.ACCOUNT_ID}:table/${shipments}`;
    giveUp.addToRolePolicy(new PolicyStatement({ actions: WRITES, resources: [tableArn] }));
    const unshipped = Queue.fromQueueArn(this, "Unshipped", given("ShippingDlqArn"));
    giveUp.addEventSource(new SqsEventSource(unshipped, { batchSize: 1, reportBatchItemFailures: true }));

    const mail = made("Mail", "mail", 30, {
      MAILS_TABLE: records.tableName,
      MAILS_URL: mails.queueUrl,
      SENDER: `orders@${domain}`,
    });
    records.grant(mail, ...WRITES);
    const identity = `arn:${Aws.PARTITION}:ses:${Aws.REGION}:${Aws.ACCOUNT_ID}:identity/${domain}`;
    mail.addToRolePolicy(new PolicyStatement({ actions: ["ses:SendEmail"], resources: [identity] }));
    const one = { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 2 };
    mail.addEventSource(new SqsEventSource(mails, one)); // grants ChangeMessageVisibility too
    new Rule(this, "ToMail", {
      eventBus: bus,
      eventPattern: {
        source: ["shop.orders"],
        detailType: ["OrderRejected", "OrderDeclined", "OrderShipped", "OrderRefunded"],
        detail: { data: { email: Match.exists() } },
      },
      targets: [new SqsQueue(mails, { deadLetterQueue: mailsDlq, retryAttempts: 20, maxEventAge: Duration.hours(1) })],
    });

    const status = made("Status", "status", 30, { PROGRESS_TABLE: progress.tableName });
    progress.grant(status, "dynamodb:GetItem");
    const [apiId, authorizerId] = [given("ApiId"), given("AuthorizerId")];
    const integration = new CfnIntegration(this, "StatusIntegration", {
      apiId,
      integrationType: "AWS_PROXY",
      integrationUri: status.functionArn,
      payloadFormatVersion: "2.0",
    });
    new CfnRoute(this, "StatusRoute", {
      apiId,
      routeKey: "GET /orders/{order_id}/status",
      target: `integrations/${integration.ref}`,
      authorizationType: "JWT",
      authorizerId,
    });
    new CfnPermission(this, "MayAsk", {
      action: "lambda:InvokeFunction",
      functionName: status.functionName,
      principal: "apigateway.amazonaws.com",
      sourceArn: `arn:${Aws.PARTITION}:execute-api:${Aws.REGION}:${Aws.ACCOUNT_ID}:${apiId}/*/GET/orders/*/status`,
    });

    const counted = (metricName: string) =>
      new Metric({
        namespace: "Shop",
        metricName,
        dimensionsMap: { service: "shop" },
        statistic: "Sum",
        period: MINUTE,
      });
    const help =
      "An order without a known customer or article, or a refund that was refused. Progress says which; call the customer.";
    alarm(this, "OrderNeedsHelp", counted("OrderNeedsHelp"), alarms, { whatToDo: help });
    const write = "A mail was refused, or nobody knows whether it was sent. MailRecords says why; write by hand.";
    alarm(this, "MailInDoubt", counted("MailInDoubt"), alarms, { whatToDo: write });
    const refunded =
      "Orders could not be shipped, and are refunded. Redrive none of them: GiveUp asks the carrier to cancel, " +
      "until it has. What it logs again and again is no order; delete it.";
    const givenUp = giveUp.metricInvocations({ period: MINUTE, statistic: "Sum" });
    alarm(this, "OrdersGivenUp", givenUp, alarms, { whatToDo: refunded });
    const waiting = (queue: Queue) =>
      queue.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const redrive = "Mails could not be sent for 4 hours. Mend the cause, redrive MailsDlq.";
    alarm(this, "MailsDead", waiting(mailsDlq), alarms, { whatToDo: redrive });
    const again =
      "Orders stand still. Mend the cause; invoke Follow or Announce with the Records that each message holds, " +
      "or names by their place in a stream.";
    alarm(this, "OrdersLeftBehind", waiting(leftBehind), alarms, { whatToDo: again });
    const age = (stuck: Lambda) => stuck.metric("IteratorAge", { period: MINUTE, statistic: "Maximum" });
    const late = { above: 900_000, evaluationPeriods: 5 }; // milliseconds
    const orders = "Orders are 15 minutes late. Mend what Follow logs within 12 hours, or records are given up.";
    alarm(this, "FollowStuck", age(follow), alarms, { ...late, whatToDo: orders });
    const events = "Events are 15 minutes late. Mend what Announce logs within 12 hours, or they are given up.";
    alarm(this, "AnnounceStuck", age(announce), alarms, { ...late, whatToDo: events });

    for (const table of [progress, customers, prices, records]) {
      new CfnOutput(this, `${table.node.id}Table`, { value: table.tableName });
    }
    for (const queue of [mails, mailsDlq, leftBehind]) {
      new CfnOutput(this, `${queue.node.id}Url`, { value: queue.queueUrl });
    }
    new CfnOutput(this, "FollowFunction", { value: follow.functionName });
  }

  private table(name: string, key: string, more: Partial<TablePropsV2> = {}): TableV2 {
    return new TableV2(this, name, {
      partitionKey: { name: key, type: AttributeType.STRING },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
      ...more,
    });
  }

  private queue(name: string): Queue {
    return new Queue(this, name, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
  }

  private followStream(name: string, target: Lambda, stream: string, pattern: string, leftBehind: Queue): void {
    target.addToRolePolicy(new PolicyStatement({ actions: READ, resources: [stream] }));
    new EventSourceMapping(this, name, {
      target,
      eventSourceArn: stream,
      startingPosition: StartingPosition.TRIM_HORIZON, // LATEST misses what is written meanwhile
      filters: [{ pattern }],
      batchSize: 10,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      maxRecordAge: Duration.hours(12),
      onFailure: new SqsDlq(leftBehind),
    });
  }
}

interface Sent {
  readonly url: string;
  readonly arn: string;
}
