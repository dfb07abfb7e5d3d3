// A loan is scored, approved by a person in time, drawn up and paid out at most once; what fails is told.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Alias, type FunctionOptions } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

export class DurableWorkflow extends Stack {
  private readonly logGroup: LogGroup;

  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "A loan is scored, approved by a person in time, drawn up and paid out at most once; what fails is told.",
    });
    const partnersUrl = new CfnParameter(this, "PartnersUrl").valueAsString;
    const approval = new CfnParameter(this, "ApprovalSeconds", { type: "Number", default: 259200 }).valueAsString;
    const withdrawal = new CfnParameter(this, "WithdrawalSeconds", { type: "Number", default: 86400 }).valueAsString;
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const kept = { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY };
    this.logGroup = new LogGroup(this, "Logs", kept);

    const approvals = this.queue("Approvals", 3); // later is too late
    const failed = this.queue("Failed", 14);
    const ofWorkflow = {
      PARTNERS_URL: partnersUrl,
      APPROVALS_URL: approvals.queueUrl,
      APPROVAL_SECONDS: approval,
      WITHDRAWAL_SECONDS: withdrawal,
    };
    const workflow = this.function("Workflow", ofWorkflow, 120, {
      durableConfig: {
        executionTimeout: Duration.days(7), // both waits, and an outage of each step
        retentionPeriod: Duration.days(90), // for so long after its end a loan's id starts nothing
      },
      // Executions go on in the version that began them, which CDK would delete with the next one.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      deadLetterQueue: failed, // the events of executions that failed
    });
    approvals.grant(workflow, "sqs:SendMessage");
    const live = new Alias(this, "WorkflowAliaslive", { aliasName: "live", version: workflow.currentVersion });

    // whoever takes loans calls it, and may call it again
    const start = this.function("Start", { WORKFLOW: live.functionArn });
    live.grantInvoke(start);
    const decide = this.function("Decide", {}); // whoever shows Approvals to people calls it
    decide.addToRolePolicy(
      new PolicyStatement({
        actions: ["lambda:SendDurableExecutionCallbackSuccess"],
        resources: [`${workflow.functionArn}:*`], // executions are named by version, never by alias
      }),
    );

    const dead = failed.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: "Maximum" });
    const mend =
      "A loan's workflow failed. Read its history; was it paid out? Finish it by hand, or start it under a new id.";
    alarm(this, "FailedLoans", dead, alarms, { whatToDo: mend });

    new CfnOutput(this, "StartName", { value: start.functionName });
    new CfnOutput(this, "DecideName", { value: decide.functionName });
    new CfnOutput(this, "WorkflowName", { value: workflow.functionName });
    new CfnOutput(this, "ApprovalsUrl", { value: approvals.queueUrl });
    new CfnOutput(this, "FailedUrl", { value: failed.queueUrl });
  }

  private queue(name: string, days: number): Queue {
    return new Queue(this, name, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(days),
    });
  }

  /** Of start.py, or of start.ts, and so on. */
  private function(name: string, environment: Record<string, string>, timeout = 20, more: FunctionOptions = {}) {
    const LoanFunction = functions(this);
    return new LoanFunction(this, name, __dirname, {
      ...more,
      handler: `${name.toLowerCase()}.handler`,
      timeout,
      logGroup: this.logGroup,
      environment: { POWERTOOLS_SERVICE_NAME: "loans", ...environment },
    });
  }
}
