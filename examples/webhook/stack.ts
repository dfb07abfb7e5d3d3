// Accepts the payment provider's webhooks: nothing forged, nothing lost, answered at once.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket, BucketEncryption } from "aws-cdk-lib/aws-s3";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const LOGGED = '{"request":"$context.requestId","from":"$context.identity.sourceIp","status":"$context.status"}';

export class Webhook extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Accepts the payment provider's webhooks: nothing forged, nothing lost, answered at once.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const signingSecret = new Secret(this, "SigningSecret", {
      generateSecretString: { passwordLength: 64 }, // until the provider's is put: unfinished, it accepts nothing
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const dlq = new Queue(this, "WebhooksDlq", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14), // counts from the first send
    });
    const webhooks = new Queue(this, "Webhooks", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(6), // 6 x timeout + batching window (none)
      deadLetterQueue: { queue: dlq, maxReceiveCount: 5 },
    });
    const bodies = new Bucket(this, "Bodies", {
      encryption: BucketEncryption.S3_MANAGED, // those too large for a message
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(30) }], // longer than any message lives
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const payments = new TableV2(this, "Payments", {
      partitionKey: { name: "id", type: AttributeType.STRING }, // and the ids of events done, which expire
      timeToLiveAttribute: "expiration",
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const ShopFunction = functions(this);
    const variables = { BODIES_BUCKET: bodies.bucketName, POWERTOOLS_SERVICE_NAME: "payments" };
    const receive = new ShopFunction(this, "Receive", __dirname, {
      handler: "receive.handler",
      timeout: 15, // every attempt of every call has ended before
      logGroup,
      environment: { ...variables, SIGNING_SECRET: signingSecret.secretArn, WEBHOOKS_URL: webhooks.queueUrl },
    });
    signingSecret.grantRead(receive);
    webhooks.grantSendMessages(receive);
    const objects = [bodies.arnForObjects("*")]; // grantPut and grantRead would add tags, holds and listing
    receive.addToRolePolicy(new PolicyStatement({ actions: ["s3:PutObject"], resources: objects }));

    const work = new ShopFunction(this, "Work", __dirname, {
      handler: "work.handler",
      timeout: 60, // 10 records, one after the other
      logGroup,
      environment: { ...variables, PAYMENTS_TABLE: payments.tableName },
    });
    const writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    payments.grant(work, "dynamodb:GetItem", ...writes);
    work.addToRolePolicy(new PolicyStatement({ actions: ["s3:GetObject"], resources: objects }));
    work.addEventSource(new SqsEventSource(webhooks, { batchSize: 10, reportBatchItemFailures: true }));

    const api = new HttpApi(this, "Api", { createDefaultStage: false });
    api.addRoutes({
      path: "/webhooks/payments",
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration("Integration", receive),
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 200 }, // a flood ends here
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(LOGGED), // without headers: a logged signature can be replayed
      },
    });

    const dead = dlq.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "A genuine webhook was not applied. Find the cause, mend it, redrive WebhooksDlq.";
    alarm(this, "DeadLetters", dead, alarms, { whatToDo: mend });
    const failing = "The receiver fails. What the provider stops repeating is lost.";
    alarm(this, "NotAccepted", api.metricServerError({ period: MINUTE }), alarms, { whatToDo: failing });
    const forged = api.metricClientError({ period: Duration.minutes(5) });
    const look = "Forgeries or a flood, or the provider signs with a key that SigningSecret lacks.";
    alarm(this, "Refused", forged, alarms, { above: 50, whatToDo: look });

    new CfnOutput(this, "Url", { value: `${api.apiEndpoint}/webhooks/payments` });
    new CfnOutput(this, "SigningSecretArn", { value: signingSecret.secretArn });
    new CfnOutput(this, "WebhooksUrl", { value: webhooks.queueUrl });
    new CfnOutput(this, "WebhooksDlqUrl", { value: dlq.queueUrl });
    new CfnOutput(this, "PaymentsTable", { value: payments.tableName });
  }
}
