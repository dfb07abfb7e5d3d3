// Keeps the newest price of every product; what nobody can read is set aside, an outage only delays.
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Stream, StreamEncryption, StreamMode } from "aws-cdk-lib/aws-kinesis";
import {
  type DlqDestinationConfig,
  type IEventSourceDlq,
  type IEventSourceMapping,
  type IFunction,
  MetricType,
  StartingPosition,
} from "aws-cdk-lib/aws-lambda";
import { KinesisEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { BlockPublicAccess, Bucket } from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { alarm, functions } from "../cdk_parts";

const MINUTE = Duration.minutes(1);

/** A bucket for what is given up; `S3OnFailureDestination` would let the function read and delete there too. */
class KeptIn implements IEventSourceDlq {
  constructor(private readonly bucket: Bucket) {}

  bind(_mapping: IEventSourceMapping, handler: IFunction): DlqDestinationConfig {
    const [bucket, objects] = [this.bucket.bucketArn, this.bucket.arnForObjects("*")];
    handler.addToRolePolicy(new PolicyStatement({ actions: ["s3:ListBucket"], resources: [bucket] }));
    handler.addToRolePolicy(new PolicyStatement({ actions: ["s3:PutObject"], resources: [objects] }));
    return { destination: bucket };
  }
}

export class StreamProcessor extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Keeps the newest price of every product; what nobody can read is set aside, an outage only delays.",
    });
    const alarms = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    const logGroup = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const priceChanges = new Stream(this, "PriceChanges", {
      streamMode: StreamMode.ON_DEMAND,
      encryption: StreamEncryption.MANAGED,
      retentionPeriod: Duration.hours(72), // longer than the record age: age discards, retention just deletes
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const prices = new TableV2(this, "Prices", {
      partitionKey: { name: "sku", type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.awsManagedKey(),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const discarded = new Bucket(this, "Discarded", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ShopFunction = functions(this);
    const keepPrices = new ShopFunction(this, "KeepPrices", __dirname, {
      handler: "app.handler",
      timeout: 60,
      logGroup,
      environment: {
        PRICES_TABLE: prices.tableName,
        DISCARDED_BUCKET: discarded.bucketName,
        POWERTOOLS_SERVICE_NAME: "prices",
      },
    });
    prices.grant(keepPrices, "dynamodb:PutItem");
    const unreadable = discarded.arnForObjects("unreadable/*");
    keepPrices.addToRolePolicy(new PolicyStatement({ actions: ["s3:PutObject"], resources: [unreadable] }));
    const source = new KinesisEventSource(priceChanges, {
      startingPosition: StartingPosition.TRIM_HORIZON, // LATEST misses what comes while the mapping is being made
      batchSize: 100,
      parallelizationFactor: 2, // lanes; the batches of a partition key follow one another in one lane
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      maxRecordAge: Duration.days(1), // the outage it outlasts; a count of retries would say nothing of that
      onFailure: new KeptIn(discarded), // S3 keeps the records too
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
    keepPrices.addEventSource(source);

    const givenUp = new Metric({
      namespace: "AWS/Lambda",
      metricName: "OnFailureDestinationDeliveredEventCount",
      dimensionsMap: { EventSourceMappingUUID: source.eventSourceMappingId },
      statistic: "Sum",
      period: MINUTE,
    });
    const replay = "Records of a day ago were given up. Mend the cause, then replay what lies in the bucket Discarded.";
    alarm(this, "DiscardedRecords", givenUp, alarms, { whatToDo: replay });
    const unread = new Metric({
      namespace: "Shop",
      metricName: "UnreadableRecords",
      dimensionsMap: { service: "prices" },
      statistic: "Sum",
      period: MINUTE,
    });
    const mend = "Records were set aside. Mend producer or reader, then replay unreadable/ in the bucket Discarded.";
    alarm(this, "Unreadable", unread, alarms, { whatToDo: mend });
    const age = keepPrices.metric("IteratorAge", { statistic: "Maximum", period: MINUTE });
    const late = "A shard is stuck or too slow. Mend what KeepPrices logs within a day, or records are discarded.";
    alarm(this, "StreamStuck", age, alarms, { above: 900_000, evaluationPeriods: 5, whatToDo: late }); // milliseconds

    new CfnOutput(this, "StreamName", { value: priceChanges.streamName });
    new CfnOutput(this, "PricesTable", { value: prices.tableName });
    new CfnOutput(this, "DiscardedBucket", { value: discarded.bucketName });
    new CfnOutput(this, "FunctionName", { value: keepPrices.functionName });
    new CfnOutput(this, "MappingId", { value: source.eventSourceMappingId });
  }
}
