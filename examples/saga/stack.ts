// An order is reserved, charged and booked, or nothing of it remains and the caller knows why.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { alarm, PythonFunction } from "../cdk_parts";

const MINUTE = Duration.minutes(1);

export class Saga extends Stack {
  private readonly logGroup: LogGroup;
  private readonly steps: TableV2;

  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "An order is reserved, charged and booked, or nothing of it remains and the caller knows why.",
    });
    const paymentsUrl = new CfnParameter(this, "PaymentsUrl").valueAsString;
    const carrierUrl = new CfnParameter(this, "CarrierUrl").valueAsString;
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const kept = { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY };
    this.logGroup = new LogGroup(this, "Logs", kept);

    this.steps = this.table("Steps", "id"); // no TTL: a mark that expires lets a late step run
    const stock = this.table("Stock", "sku");
    const ofStock = { STOCK_TABLE: stock.tableName };
    const [payments, carrier] = [{ PARTNER_URL: paymentsUrl }, { PARTNER_URL: carrierUrl }];
    const reserveStock = this.step("ReserveStock", "stock.reserve", ofStock);
    const releaseStock = this.step("ReleaseStock", "stock.release", ofStock, true);
    const steps = [
      reserveStock,
      releaseStock,
      this.step("ChargeCard", "partner.charge", payments),
      this.step("RefundCard", "partner.refund", payments, true),
      this.step("BookShipment", "partner.book", carrier),
      this.step("CancelShipment", "partner.cancel", carrier, true),
    ];
    for (const step of [reserveStock, releaseStock]) {
      stock.grant(step, "dynamodb:UpdateItem");
    }

    const placeOrder = new StateMachine(this, "PlaceOrder", {
      stateMachineType: StateMachineType.STANDARD, // Express runs a name twice, and no redrive resumes it
      definitionBody: DefinitionBody.fromString(readFileSync(join(__dirname, "statemachine.asl.json"), "utf8")),
      definitionSubstitutions: Object.fromEntries(steps.map((step) => [step.node.id, step.functionArn])),
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

    const halfDone = new Queue(this, "HalfDone", {
      encryption: QueueEncryption.SQS_MANAGED, // ARNs of executions to redrive, which is possible for 14 days
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
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
      targets: [new SqsQueue(halfDone, { message: RuleTargetInput.fromEventPath("$.detail.executionArn") })],
    });

    const waiting = halfDone.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: "Maximum" });
    const mend = "An order is neither done nor undone. Mend the cause, redrive the executions in HalfDone.";
    alarm(this, "HalfDoneOrders", waiting, alarms, { whatToDo: mend });
    const failed = placeOrder.metricFailed({ period: Duration.minutes(5), statistic: "Sum" });
    const look = "More orders fail than declined cards explain.";
    alarm(this, "FailedOrders", failed, alarms, { above: 20, whatToDo: look });

    new CfnOutput(this, "StateMachineArn", { value: placeOrder.stateMachineArn });
    new CfnOutput(this, "StepsTable", { value: this.steps.tableName });
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

  /** A step marks itself before it acts; undoing it changes that mark. */
  private step(name: string, handler: string, variables: Record<string, string>, undoes = false): PythonFunction {
    const made = new PythonFunction(this, name, __dirname, {
      handler,
      timeout: 20, // below the tasks' TimeoutSeconds: a step is dead before it is undone
      logGroup: this.logGroup,
      environment: { STEPS_TABLE: this.steps.tableName, ...variables },
    });
    this.steps.grant(made, undoes ? "dynamodb:UpdateItem" : "dynamodb:PutItem");
    return made;
  }
}
