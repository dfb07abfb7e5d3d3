// Gift cards as a log of events; nothing overwritten, nothing lost, no overdraft.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, StreamViewType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { FilterCriteria, FilterRule, type Function as Lambda, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions, type PythonFunctionProps } from "../cdk_parts";

export class EventStore extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Gift cards as a log of events; nothing overwritten, nothing lost, no overdraft.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const card = { name: "card", type: AttributeType.STRING };
    const log = new TableV2(this, "Log", {
      partitionKey: card,
      sortKey: { name: "place", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const balances = new TableV2(this, "Balances", {
      partitionKey: card, // may be deleted at any time: the log rebuilds it
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const variables = { LOG_TABLE: log.tableName, POWERTOOLS_SERVICE_NAME: "gift-cards" };
    const command = this.writer(log, { logGroup, environment: variables });

    const unprojected = new Queue(this, "Unprojected", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const ShopFunction = functions(this);
    const project = new ShopFunction(this, "Project", __dirname, {
      handler: "project.handler",
      timeout: 300, // a rebuild reads the whole log
      logGroup,
      environment: { ...variables, BALANCES_TABLE: balances.tableName },
    });
    log.grant(project, "dynamodb:Query", "dynamodb:Scan");
    balances.grant(project, "dynamodb:GetItem", "dynamodb:PutItem");
    const eventsOnly = {
      eventName: FilterRule.isEqual("INSERT"), // not for marks and snapshots
      dynamodb: { Keys: { place: { S: FilterRule.beginsWith("event#") } } },
    };
    const source = new DynamoEventSource(log, {
      startingPosition: StartingPosition.TRIM_HORIZON,
      filters: [FilterCriteria.filter(eventsOnly)],
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      maxRecordAge: Duration.hours(12), // the outage it outlasts; a count of retries would say nothing of that
      onFailure: new SqsDlq(unprojected),
    });
    project.addEventSource(source);

    const atMost = { statistic: "Maximum", period: Duration.minutes(1) };
    const waiting = unprojected.metricApproximateNumberOfMessagesVisible(atMost);
    const mend =
      "Balances were given up on. Mend the cause, invoke Project with {}, read its answer, delete the messages.";
    alarm(this, "Stale", waiting, alarms, { whatToDo: mend });
    const age = project.metric("IteratorAge", atMost);
    const stuck = "Balances are 15 minutes behind their log; mend what Project logs before MaximumRecordAgeInSeconds.";
    alarm(this, "StreamStuck", age, alarms, { above: 900_000, evaluationPeriods: 5, whatToDo: stuck }); // milliseconds

    new CfnOutput(this, "LogTable", { value: log.tableName });
    new CfnOutput(this, "BalancesTable", { value: balances.tableName });
    new CfnOutput(this, "CommandFunction", { value: command.functionName });
    new CfnOutput(this, "ProjectFunction", { value: project.functionName });
    new CfnOutput(this, "UnprojectedUrl", { value: unprojected.queueUrl });
  }

  /** It cannot update or delete. Only the condition in `append` keeps a put from replacing an event. */
  private writer(log: TableV2, more: Pick<PythonFunctionProps, "logGroup" | "environment">): Lambda {
    const ShopFunction = functions(this);
    const made = new ShopFunction(this, "Command", __dirname, { handler: "command.handler", timeout: 30, ...more });
    log.grant(made, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query");
    return made;
  }
}
