// An order is reserved, charged and booked, or nothing of it remains and the caller knows why, or a human does.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { EventField, Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction, SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IDestination, Function as Lambda } from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const [MINUTE, HOUR] = [Duration.minutes(1), Duration.hours(1)];

export class Saga extends Stack {
  private readonly logGroup: LogGroup;

  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "An order is reserved, charged and booked, or nothing of it remains and the caller knows why, or a human does.",
    });
    const paymentsUrl = new CfnParameter(this, "PaymentsUrl").valueAsString;
    const carrierUrl = new CfnParameter(this, "CarrierUrl").valueAsString;
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const kept = { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY };
    this.logGroup = new LogGroup(this, "Logs", kept);

    const marks = this.table("Steps", "id"); // no TTL: a mark that expires lets a late step run
    const stock = this.table("Stock", "sku");
    const ofSteps = { STEPS_TABLE: marks.tableName };
    const ofStock = { ...ofSteps, STOCK_TABLE: stock.tableName };
    const payments = { ...ofSteps, PARTNER_URL: paymentsUrl };
    const reserveStock = this.function("ReserveStock", "stock.reserve", ofStock);
    const releaseStock = this.function("ReleaseStock", "stock.release", ofStock);
    const chargeCard = this.function("ChargeCard", "partner.charge", payments);
    const refundCard = this.function("RefundCard", "partner.refund", payments);
    // the last step, because a booking has no undo
    const bookShipment = this.function("BookShipment", "partner.book", { PARTNER_URL: carrierUrl, ...ofSteps });
    for (const step of [reserveStock, chargeCard]) {
      marks.grant(step, "dynamodb:PutItem"); // a step marks itself before it acts; its undo changes the mark
    }
    for (const undo of [releaseStock, refundCard]) {
      marks.grant(undo, "dynamodb:UpdateItem");
    }
    for (const step of [reserveStock, releaseStock]) {
      stock.grant(step, "dynamodb:UpdateItem");
    }

    const halfDone = this.queue("HalfDone"); // executions for a human; after 14 days a question is void
    const steps = [reserveStock, releaseStock, chargeCard, refundCard, bookShipment];
    const placeOrder = new StateMachine(this, "PlaceOrder", {
      stateMachineType: StateMachineType.STANDARD, // Express runs a name twice, and no redrive resumes it
      definitionBody: DefinitionBody.fromString(readFileSync(join(__dirname, "statemachine.asl.json"), "utf8")),
      definitionSubstitutions: {
        HalfDone: halfDone.queueUrl,
        ...Object.fromEntries(steps.map((step) => [step.node.id, step.functionArn])),
      },
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, "ExecutionLogs", {
          logGroupName: `/aws/vendedlogs/states/${Aws.STACK_NAME}`, // others fill the log resource policy
          ...kept,
        }),
        level: LogLevel.ERROR,
        includeExecutionData: false, // the input holds an address
      },
    });
    for (const step of steps) {
      step.grantInvoke(placeOrder); // a definition given as text grants nothing
    }
    halfDone.grant(placeOrder, "sqs:SendMessage");

    const machine = { STATE_MACHINE: placeOrder.stateMachineArn };
    const startOrder = this.function("StartOrder", "start.handler", machine); // whoever takes orders calls it
    placeOrder.grantStartExecution(startOrder);
    const executions = `arn:${Aws.PARTITION}:states:${Aws.REGION}:${Aws.ACCOUNT_ID}:execution`;
    const describe = new PolicyStatement({
      actions: ["states:DescribeExecution"],
      resources: [`${executions}:${placeOrder.stateMachineName}:*`],
    });
    startOrder.addToRolePolicy(describe);

    const unreported = this.queue("Unreported"); // what neither the rule nor the sweep could tell
    new Rule(this, "EndedHalfDone", {
      eventPattern: {
        source: ["aws.states"], // also by States.Runtime, States.DataLimitExceeded and StopExecution
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          stateMachineArn: [placeOrder.stateMachineArn],
          $or: [
            { status: ["TIMED_OUT", "ABORTED"] },
            // AWS does not document `error`: should it be missing, each failed order is reported
            { status: ["FAILED"], error: [{ "anything-but": { prefix: "Undone." } }, { exists: false }] },
          ],
        },
      },
      targets: [
        new SqsQueue(halfDone, {
          message: RuleTargetInput.fromObject({
            execution: EventField.fromPath("$.detail.executionArn"),
            status: EventField.fromPath("$.detail.status"),
          }),
          deadLetterQueue: unreported,
        }),
      ],
    });
    const toSweep = { HALF_DONE_URL: halfDone.queueUrl, ...machine };
    // status events are best effort, so one may never come
    const sweep = this.function("Sweep", "sweep.handler", toSweep, 300, new SqsDestination(unreported));
    placeOrder.grant(sweep, "states:ListExecutions");
    sweep.addToRolePolicy(describe);
    halfDone.grant(sweep, "sqs:SendMessage");
    new Rule(this, "SweepHourly", {
      schedule: Schedule.rate(HOUR),
      targets: [new LambdaFunction(sweep, { deadLetterQueue: unreported })],
    });

    const waiting = (queue: Queue) =>
      queue.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "An order is neither done nor undone. Read HalfDone, mend the cause, answer or redrive.";
    alarm(this, "HalfDoneOrders", waiting(halfDone), alarms, { whatToDo: mend });
    const look = "A half-done order or a sweep could not be reported. Look for it by hand.";
    alarm(this, "UnreportedOrders", waiting(unreported), alarms, { whatToDo: look });
    const late = "A clock ended an order without its compensations. Undo or finish it by hand.";
    const timedOut = placeOrder.metricTimedOut({ period: MINUTE, statistic: "Sum" });
    alarm(this, "TimedOutOrders", timedOut, alarms, { whatToDo: late });
    const stopped = "Somebody stopped an order without its compensations. Undo or finish it by hand.";
    const aborted = placeOrder.metricAborted({ period: MINUTE, statistic: "Sum" });
    alarm(this, "AbortedOrders", aborted, alarms, { whatToDo: stopped });
    alarm(this, "SweepStopped", sweep.metricErrors({ period: HOUR, statistic: "Sum" }), alarms, {
      whatToDo: "Lost status events are found by nobody. See why Sweep fails or does not run.",
      evaluationPeriods: 2,
      treatMissingData: TreatMissingData.BREACHING,
    });
    const failed = placeOrder.metricFailed({ period: Duration.minutes(5), statistic: "Sum" });
    const many = "More orders fail than declined cards explain; that each was undone is what Sweep checks.";
    alarm(this, "FailedOrders", failed, alarms, { above: 20, whatToDo: many });

    new CfnOutput(this, "StartOrderName", { value: startOrder.functionName });
    new CfnOutput(this, "StateMachineArn", { value: placeOrder.stateMachineArn });
    new CfnOutput(this, "StepsTable", { value: marks.tableName });
    new CfnOutput(this, "StockTable", { value: stock.tableName });
    new CfnOutput(this, "HalfDoneUrl", { value: halfDone.queueUrl });
  }

  private table(name: string, key: string): TableV2 {
    return new TableV2(this, name, {
      partitionKey: { name: key, type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private queue(name: string): Queue {
    return new Queue(this, name, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
  }

  private function(
    name: string,
    handler: string,
    variables: Record<string, string>,
    timeout = 20, // of a step below its task's TimeoutSeconds: it is dead before it is tried again or undone
    onFailure?: IDestination,
  ): Lambda {
    const ShopFunction = functions(this);
    return new ShopFunction(this, name, __dirname, {
      handler,
      timeout,
      logGroup: this.logGroup,
      environment: { ...variables, POWERTOOLS_SERVICE_NAME: "orders" },
      onFailure,
    });
  }
}
