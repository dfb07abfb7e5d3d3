// Answers in a second, works for minutes, never twice.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket } from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const LOGGED =
  '{"id":"$context.requestId","route":"$context.routeKey","status":"$context.status",' +
  '"error":"$context.integrationErrorMessage"}';

export class AsyncTask extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: "Answers in a second, works for minutes, never twice." });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const issuer = new CfnParameter(this, "Issuer").valueAsString;
    const audience = new CfnParameter(this, "Audience").valueAsString;
    const salesUrl = new CfnParameter(this, "SalesUrl").valueAsString;
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const jobs = new TableV2(this, "Jobs", {
      partitionKey: { name: "job_id", type: AttributeType.STRING },
      timeToLiveAttribute: "expires",
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // What even GiveUp could not read.
    const unread = new Queue(this, "Unread", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const dlq = new Queue(this, "TasksDlq", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(3), // 5 looks in 12 minutes, longer than a worker and its lease last
      retentionPeriod: Duration.days(10),
      deadLetterQueue: { queue: unread, maxReceiveCount: 5 },
    });
    const tasks = new Queue(this, "Tasks", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(30), // 6 x timeout, and no worker outlives it
      deadLetterQueue: { queue: dlq, maxReceiveCount: 3 },
    });
    const results = new Bucket(this, "Results", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(7) }],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const objects = [results.arnForObjects("*")];

    const variables = { JOBS_TABLE: jobs.tableName, POWERTOOLS_SERVICE_NAME: "reports" };
    const places = { TASKS_URL: tasks.queueUrl, RESULTS_BUCKET: results.bucketName };
    const ShopFunction = functions(this);
    const submit = new ShopFunction(this, "Submit", __dirname, {
      handler: "api.handler",
      timeout: 10,
      logGroup,
      environment: { ...variables, ...places },
    });
    jobs.grant(submit, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem");
    tasks.grantSendMessages(submit);
    const whatTheLinkMayDo = new PolicyStatement({ actions: ["s3:GetObject"], resources: objects });
    submit.addToRolePolicy(whatTheLinkMayDo);

    const work = new ShopFunction(this, "Work", __dirname, {
      handler: "worker.handler",
      timeout: 300,
      logGroup,
      environment: { ...variables, ...places, SALES_URL: salesUrl },
    });
    jobs.grant(work, "dynamodb:GetItem", "dynamodb:UpdateItem");
    work.addToRolePolicy(new PolicyStatement({ actions: ["s3:PutObject"], resources: objects }));
    const each = new SqsEventSource(tasks, {
      batchSize: 1, // a job takes minutes
      reportBatchItemFailures: true,
      maxConcurrency: 5,
    });
    work.addEventSource(each);

    const giveUp = new ShopFunction(this, "GiveUp", __dirname, {
      handler: "give_up.handler",
      timeout: 30,
      logGroup,
      environment: variables,
    });
    jobs.grant(giveUp, "dynamodb:GetItem", "dynamodb:UpdateItem");
    giveUp.addEventSource(new SqsEventSource(dlq, { reportBatchItemFailures: true }));

    const api = new HttpApi(this, "Api", {
      createDefaultStage: false,
      defaultAuthorizer: new HttpJwtAuthorizer("Customers", issuer, { jwtAudience: [audience] }),
      defaultIntegration: new HttpLambdaIntegration("Integration", submit),
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      autoDeploy: true,
      throttle: { rateLimit: 20, burstLimit: 40 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(LOGGED),
      },
    });

    const givenUp = giveUp.metricInvocations({ period: Duration.minutes(1) });
    alarm(this, "Failing", givenUp, alarms, { whatToDo: "Jobs are given up; their owners see FAILED." });

    new CfnOutput(this, "ApiId", { value: api.apiId });
    new CfnOutput(this, "JobsTable", { value: jobs.tableName });
    new CfnOutput(this, "TasksUrl", { value: tasks.queueUrl });
    new CfnOutput(this, "ResultsBucket", { value: results.bucketName });
    new CfnOutput(this, "WorkFunction", { value: work.functionName });
  }
}
