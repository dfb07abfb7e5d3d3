// Imports price lists that partners upload, each once and the newest last; what nobody can read is set aside.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Policy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as Lambda } from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, type LifecycleRule } from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);
const DAY = Duration.days(1);
const MONTH = Duration.days(30);
const QUARTER = Duration.days(90);

export class FilePipeline extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "Imports price lists that partners upload, each once and the newest last; what nobody can read is set aside.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    // Partners write to this one, and nothing of ours may: so no file can set off itself. An upload that never
    // completes raises no event, is in no listing, and is paid for.
    const incoming = this.bucket("Incoming", { expiration: MONTH, abortIncompleteMultipartUploadAfter: DAY });
    // eventBridgeEnabled: true would deploy a function that sets what CloudFormation can set by itself
    const eventBridgeConfiguration = { eventBridgeEnabled: true };
    (incoming.node.defaultChild as CfnBucket).notificationConfiguration = { eventBridgeConfiguration };
    const files = this.bucket(
      "Files", // checked/ is imported, quarantine/ waits for a human, results/ is what became of each row
      { prefix: "checked/", expiration: MONTH }, // longer than the 14 days of a redrive
      { prefix: "quarantine/", expiration: QUARTER },
      { prefix: "results/", expiration: QUARTER },
      { abortIncompleteMultipartUploadAfter: DAY },
    );
    const prices = new TableV2(this, "Prices", {
      partitionKey: { name: "sku", type: AttributeType.STRING }, // by list: 1,000 writes a second
      sortKey: { name: "list", type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ShopFunction = functions(this);
    const keepPrice = new ShopFunction(this, "KeepPrice", __dirname, {
      handler: "price.handler",
      timeout: 20, // below the task's TimeoutSeconds: an attempt is dead before the next begins
      logGroup,
      environment: { PRICES_TABLE: prices.tableName, POWERTOOLS_SERVICE_NAME: "prices" },
    });
    prices.grant(keepPrice, "dynamodb:PutItem");

    const importPrices = new StateMachine(this, "ImportPrices", {
      stateMachineType: StateMachineType.STANDARD, // Express has no Distributed Map, and runs a name twice
      definitionBody: DefinitionBody.fromString(readFileSync(join(__dirname, "statemachine.asl.json"), "utf8")),
      definitionSubstitutions: { Files: files.bucketName, KeepPrice: keepPrice.functionArn },
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, "ExecutionLogs", {
          logGroupName: `/aws/vendedlogs/states/${Aws.STACK_NAME}`, // others fill the log resource policy
          retention: RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ERROR,
        includeExecutionData: false, // a line for each row would repeat the list
      },
    });
    keepPrice.grantInvoke(importPrices); // a definition given as text grants nothing
    this.allow(importPrices, files, "checked", "s3:GetObject");
    const parts = ["s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"];
    this.allow(importPrices, files, "results", "s3:PutObject", "s3:GetObject", ...parts);
    this.runRows(importPrices);

    const unchecked = new Queue(this, "Unchecked", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const checkFile = new ShopFunction(this, "CheckFile", __dirname, {
      handler: "check.handler",
      timeout: 900, // three calls of S3, each tried twice for 100 s: a copy of 5 GB takes minutes
      logGroup,
      environment: {
        INCOMING_BUCKET: incoming.bucketName,
        FILES_BUCKET: files.bucketName,
        STATE_MACHINE: importPrices.stateMachineArn,
        POWERTOOLS_SERVICE_NAME: "prices",
      },
      onFailure: new SqsDestination(unchecked), // the rule's own DLQ never sees what the function raises
    });
    const reads = new PolicyStatement({ actions: ["s3:GetObject"], resources: [incoming.arnForObjects("*")] });
    const lists = new PolicyStatement({ actions: ["s3:ListBucket"], resources: [incoming.bucketArn] });
    // without the second a deleted file is a 403
    for (const statement of [reads, lists]) checkFile.addToRolePolicy(statement);
    for (const where of ["checked", "quarantine"]) this.allow(checkFile, files, where, "s3:PutObject");
    importPrices.grantStartExecution(checkFile);
    new Rule(this, "CheckFileUploaded", {
      eventPattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: { bucket: { name: [incoming.bucketName] } },
      },
      targets: [new LambdaFunction(checkFile, { deadLetterQueue: unchecked, retryAttempts: 185, maxEventAge: DAY })],
    });

    const waiting = unchecked.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "A file could not be checked. Mend the cause, then invoke CheckFile with the event in the message.";
    alarm(this, "NotChecked", waiting, alarms, { whatToDo: mend });
    const look = "A file lies in quarantine/ of Files; the log says why. Let its sender upload a right one.";
    alarm(this, "SetAside", this.counted("FileRefused"), alarms, { whatToDo: look });
    const tell = "Rows of a list were refused. FAILED_0.json below results/ of Files lists them for its sender.";
    alarm(this, "RefusedRows", this.counted("RowRefused"), alarms, { whatToDo: tell });
    const failed = importPrices.metricFailed({ period: MINUTE, statistic: "Sum" });
    const givenUp = "A list was given up, more than 5 % of its rows failed.";
    const whatToDo = `${givenUp} After an outage redrive it, else its sender mends it.`;
    alarm(this, "FailedLists", failed, alarms, { whatToDo });

    new CfnOutput(this, "IncomingBucket", { value: incoming.bucketName });
    new CfnOutput(this, "FilesBucket", { value: files.bucketName });
    new CfnOutput(this, "PricesTable", { value: prices.tableName });
    new CfnOutput(this, "StateMachineArn", { value: importPrices.stateMachineArn });
    new CfnOutput(this, "CheckFunction", { value: checkFile.functionName });
    new CfnOutput(this, "UncheckedUrl", { value: unchecked.queueUrl });
  }

  private bucket(name: string, ...lifecycleRules: LifecycleRule[]): Bucket {
    return new Bucket(this, name, {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private allow(grantee: StateMachine | Lambda, files: Bucket, where: string, ...actions: string[]): void {
    const resources = [files.arnForObjects(`${where}/*`)];
    grantee.addToRolePolicy(new PolicyStatement({ actions, resources }));
  }

  /** A policy of its own: within the role's, which the machine waits for, it would name the machine too early. */
  private runRows(machine: StateMachine): void {
    const execution = `arn:${Aws.PARTITION}:states:${Aws.REGION}:${Aws.ACCOUNT_ID}:execution:${machine.stateMachineName}`;
    const policy = new Policy(this, "RunRows");
    policy.attachToRole(machine.role);
    const allow = (resource: string, ...actions: string[]) =>
      policy.addStatements(new PolicyStatement({ actions, resources: [resource] }));
    allow(machine.stateMachineArn, "states:StartExecution");
    allow(`${execution}:*`, "states:DescribeExecution", "states:StopExecution");
    allow(`${execution}/Rows:*`, "states:RedriveExecution");
  }

  private counted(metricName: string): Metric {
    const dimensionsMap = { service: "prices" };
    return new Metric({ namespace: "Shop", metricName, dimensionsMap, statistic: "Sum", period: MINUTE });
  }
}
