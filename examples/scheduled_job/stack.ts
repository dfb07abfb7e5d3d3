// Orders one pickup a night and sends each reminder once, at the hour of its time zone.
import { ArnFormat, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack, TimeZone } from "aws-cdk-lib";
import { type CfnAlarm, ComparisonOperator, Metric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  CfnScheduleGroup,
  Schedule,
  ScheduleExpression,
  ScheduleGroup,
  ScheduleTargetInput,
  TimeWindow,
} from "aws-cdk-lib/aws-scheduler";
import { LambdaInvoke } from "aws-cdk-lib/aws-scheduler-targets";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

export class ScheduledJob extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Orders one pickup a night and sends each reminder once, at the hour of its time zone.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const carrierUrl = new CfnParameter(this, "CarrierUrl").valueAsString;
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const nightly = new CfnScheduleGroup(this, "Nightly"); // L2 gives the group a fixed name
    const reminders = new CfnScheduleGroup(this, "Reminders");
    const schedulerRole = new Role(this, "SchedulerRole", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: {
          StringEquals: {
            "aws:SourceAccount": this.account,
            "aws:SourceArn": [nightly.attrArn, reminders.attrArn], // not a schedule's: the role would never be assumed
          },
        },
      }),
    });
    const undelivered = new Queue(this, "Undelivered", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const done = new TableV2(this, "Done", {
      partitionKey: { name: "id", type: AttributeType.STRING },
      timeToLiveAttribute: "expiration",
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ShopFunction = functions(this);
    const fire = new ShopFunction(this, "Fire", __dirname, {
      handler: "fire.handler",
      timeout: 30, // under the minute until Lambda's retry: a dead attempt does not block it
      logGroup,
      environment: { CARRIER_URL: carrierUrl, DONE_TABLE: done.tableName, POWERTOOLS_SERVICE_NAME: "jobs" },
      maxEventAge: Duration.hours(1),
      onFailure: new SqsDestination(undelivered), // what the function raises never reaches its schedule's DLQ
    });
    const writes = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    done.grant(fire, "dynamodb:GetItem", ...writes);
    new Schedule(this, "FireOrderPickup", {
      schedule: ScheduleExpression.cron({
        minute: "15",
        hour: "4", // an hour that clocks never skip or repeat
        timeZone: TimeZone.AMERICA_NEW_YORK,
      }),
      scheduleGroup: ScheduleGroup.fromScheduleGroupName(this, "Group", nightly.ref),
      timeWindow: TimeWindow.flexible(Duration.minutes(15)),
      target: new LambdaInvoke(fire, {
        role: schedulerRole, // may now use Fire and the queue, which the reminders need too
        input: ScheduleTargetInput.fromText(
          '{"job": "pickups", "id": "nightly", "at": "<aws.scheduler.scheduled-time>"}',
        ),
        retryAttempts: 185,
        maxEventAge: Duration.hours(1),
        deadLetterQueue: undelivered,
      }),
    });

    const target = {
      Arn: fire.functionArn,
      RoleArn: schedulerRole.roleArn,
      DeadLetterConfig: { Arn: undelivered.queueArn },
      RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 3600 },
    };
    const planReminders = new ShopFunction(this, "PlanReminders", __dirname, {
      handler: "plan.handler",
      timeout: 15,
      logGroup,
      environment: {
        REMINDERS_GROUP: reminders.ref,
        TARGET: JSON.stringify(target),
        POWERTOOLS_SERVICE_NAME: "jobs",
      },
    });
    const itsSchedules = this.formatArn({
      service: "scheduler",
      resource: "schedule",
      resourceName: `${reminders.ref}/*`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    const changes = ["CreateSchedule", "GetSchedule", "UpdateSchedule", "DeleteSchedule"];
    const plan = { actions: changes.map((each) => `scheduler:${each}`), resources: [itsSchedules] };
    planReminders.addToRolePolicy(new PolicyStatement(plan));
    const passRole = {
      actions: ["iam:PassRole"], // grantPassRole would let it pass the role to any service
      resources: [schedulerRole.roleArn],
      conditions: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
    };
    planReminders.addToRolePolicy(new PolicyStatement(passRole));

    const waiting = undelivered.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(1),
      statistic: "Maximum",
    });
    const mend = "A job failed for good. Mend the cause, then invoke Fire with the payload.";
    alarm(this, "Failed", waiting, alarms, { whatToDo: mend });
    const pickups = new Metric({
      namespace: "Shop",
      metricName: "pickups",
      dimensionsMap: { service: "jobs" },
      statistic: "Sum",
      period: Duration.hours(1),
    });
    const noPickup = alarm(this, "NoPickup", pickups, alarms, {
      above: 1,
      evaluationPeriods: 26, // a day can have 25 hours, and retries last one
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
      whatToDo: "No pickup was ordered for 26 hours.",
    });
    const warmUp = { warmUpPeriodDurationInMinutes: 1560, onlyStartEvaluatingAfterWarmUpPeriodEnds: true };
    (noPickup.node.defaultChild as CfnAlarm).warmUpConfiguration = warmUp; // not in L2

    new CfnOutput(this, "PlanFunction", { value: planReminders.functionName });
    new CfnOutput(this, "FireFunction", { value: fire.functionName });
    new CfnOutput(this, "NightlyGroup", { value: nightly.ref });
    new CfnOutput(this, "RemindersGroup", { value: reminders.ref });
    new CfnOutput(this, "UndeliveredUrl", { value: undelivered.queueUrl });
  }
}
