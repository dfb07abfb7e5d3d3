// The SAM templates beside this file as CDK writes them. Permissions, Release and PipelineRole are whole; of the others
// it is what a reference shows, and the template is whole.
import { join } from "node:path";
import {
  App,
  ArnFormat,
  Aspects,
  Aws,
  CfnOutput,
  CfnParameter,
  CfnResource,
  Duration,
  type IAspect,
  RemovalPolicy,
  Stack,
} from "aws-cdk-lib";
import {
  AccessLogFormat,
  AuthorizationType,
  AwsIntegration,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  PassthroughBehavior,
  RestApi,
  TokenAuthorizer,
} from "aws-cdk-lib/aws-apigateway";
import { CfnScalableTarget, CfnScalingPolicy } from "aws-cdk-lib/aws-applicationautoscaling";
import {
  Alarm,
  type AlarmProps,
  AlarmRule,
  ComparisonOperator,
  CompositeAlarm,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import {
  CompositePrincipal,
  type IManagedPolicy,
  ManagedPolicy,
  OidcProviderNative,
  OpenIdConnectPrincipal,
  PermissionsBoundary,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import {
  Architecture,
  Code,
  type FunctionProps,
  Function as Lambda,
  LoggingFormat,
  Runtime,
  TenancyConfig,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { FilterPattern, type ILogGroup, LogGroup, MetricFilter, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct, IConstruct } from "constructs";
import { PythonFunction } from "../../examples/cdk_parts";

const MINUTE = Duration.minutes(1);
const WORKER = join(__dirname, "..", "..", "examples", "queue_worker");
const MAKE = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"];
const READ = ["iam:GetRole*", "iam:List*RolePolicies"];
const CHANGE = ["iam:UpdateRole", "iam:UpdateRoleDescription", "iam:TagRole", "iam:UntagRole"]; // SAM tags its roles
const DELETE = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"];
const SERVICES = ["lambda", "codedeploy", "states", "events", "scheduler", "pipes", "apigateway"]; // that take such a role
const USE = [
  ...["dynamodb:*", "sqs:*", "sns:*", "s3:*", "kinesis:*", "events:*", "scheduler:*", "states:*", "logs:*", "xray:*"],
  ...["lambda:InvokeFunction", "kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:GetSecretValue", "ses:SendEmail"],
  ...["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"],
  ...["lambda:SendDurableExecutionCallbackSuccess", "codedeploy:PutLifecycleEventHookExecutionStatus"],
];
const DEPLOY = [
  ...["cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet"],
  ...["cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:GetTemplateSummary"],
];
// What CodeDeploy does; no function may move an alias.
const SHIFT = [
  ...["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:InvokeFunction"],
  "cloudwatch:DescribeAlarms",
];

export class Permissions extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: "Lets a pipeline make roles that can never do more than a boundary says." });
    const anything = { resources: ["*"] };
    const toScheduler = { actions: ["iam:PassRole"], resources: this.ours, conditions: passedTo("scheduler") };
    const functions = this.boundary(
      "Boundary",
      new PolicyStatement({ actions: USE, ...anything }),
      new PolicyStatement(toScheduler),
    );
    const releases = this.boundary("ReleaseBoundary", new PolicyStatement({ actions: SHIFT, ...anything }));
    for (const [each, path] of [
      [functions, "boundary"],
      [releases, "release-boundary"],
    ] as const) {
      const parameterName = `/functions/${path}`;
      const stringValue = each.managedPolicyArn;
      new StringParameter(this, `${each.node.id}Arn`, { parameterName, stringValue, simpleName: false });
    }
    new ManagedPolicy(this, "Roles", { statements: this.roles(functions, releases) });
  }

  private boundary(name: string, ...statements: PolicyStatement[]): ManagedPolicy {
    const made = new ManagedPolicy(this, name, { statements });
    const wide = { config: { ignore_checks: ["W9802", "W9803"] } }; // a boundary is wide, and grants nothing
    (made.node.defaultChild as CfnResource).addMetadata("cfn-lint", wide);
    return made;
  }

  private get ours(): string[] {
    return [this.formatArn({ service: "iam", region: "", resource: "role", resourceName: "functions/*" })];
  }

  private roles(...boundaries: ManagedPolicy[]): PolicyStatement[] {
    const resources = this.ours;
    const bounded = { StringEquals: { "iam:PermissionsBoundary": boundaries.map((each) => each.managedPolicyArn) } };
    return [
      new PolicyStatement({ actions: MAKE, resources, conditions: bounded }),
      new PolicyStatement({ actions: [...READ, ...CHANGE, ...DELETE], resources }),
      new PolicyStatement({ actions: ["iam:PassRole"], resources, conditions: passedTo(...SERVICES) }),
    ];
  }
}

function passedTo(...services: string[]): { StringEquals: Record<string, string | string[]> } {
  const [first = "", ...others] = services.map((each) => `${each}.amazonaws.com`);
  return { StringEquals: { "iam:PassedToService": others.length ? [first, ...others] : first } };
}

export class SharedKey extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, { description: "A key that those who send to queues, topics and log groups can use." });
    this.admit(new Key(this, "Key", { enableKeyRotation: true }));
  }

  /** Besides its own first statement, which hands over to the IAM policies of this account. */
  private admit(key: Key): void {
    const sns = new ServicePrincipal("sns.amazonaws.com");
    const alarms = new ServicePrincipal("cloudwatch.amazonaws.com");
    const here = this.formatArn({ service: "*", resource: "*", arnFormat: ArnFormat.NO_RESOURCE_NAME });
    const ours = new CompositePrincipal(sns, alarms).withConditions({ ArnLike: { "aws:SourceArn": here } });
    const send = ["kms:GenerateDataKey*", "kms:Decrypt"];
    key.grant(ours, ...send);
    key.grant(new ServicePrincipal("events.amazonaws.com"), ...send); // no condition: it names no source to KMS

    const groups = this.formatArn({ service: "logs", resource: "*", arnFormat: ArnFormat.NO_RESOURCE_NAME });
    const ofOurs = { ArnLike: { "kms:EncryptionContext:aws:logs:arn": groups } };
    const write = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"];
    key.grant(new ServicePrincipal(`logs.${this.region}.amazonaws.com`).withConditions(ofOurs), ...write);
  }
}

export class Tenants extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Runs each tenant's requests in environments of its own; the authorizer says which tenant that is.",
    });
    const functionArn = new CfnParameter(this, "AuthorizerArn").valueAsString; // answers with the tenant
    const theirs = Lambda.fromFunctionAttributes(this, "Authorizer", { functionArn, sameEnvironment: true });
    const authorizer = new TokenAuthorizer(this, "Tokens", { handler: theirs });
    const reports = lambda(this, "Reports", {
      code: Code.fromInline(
        'def handler(event, context):\n    return {"statusCode": 200, "body": context.tenant_id}\n',
      ),
      handler: "index.handler",
      timeout: Duration.seconds(20),
      tenancyConfig: TenancyConfig.PER_TENANT,
    });
    const line = '{"request":"$context.requestId","tenant":"$context.authorizer.tenant","status":"$context.status"}';
    api(this, line).root.addMethod("GET", this.integration(reports), { authorizer });
  }

  private integration(reports: Lambda): LambdaIntegration {
    const tenant = { "integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenant" };
    return new LambdaIntegration(reports, { requestParameters: tenant });
  }
}

export class Alarms extends Stack {
  private readonly dimensionsMap: Record<string, string>;

  constructor(scope: Construct, name: string) {
    super(scope, name, { description: "The page for an error budget that burns fast." });
    const topic = Topic.fromTopicArn(this, "Alarms", new CfnParameter(this, "AlarmTopicArn").valueAsString);
    this.dimensionsMap = { ApiName: new CfnParameter(this, "ApiName").valueAsString };
    this.burning().addAlarmAction(new SnsAction(topic));
  }

  /** One page: long enough to matter, and still going on. */
  private burning(): CompositeAlarm {
    const hour = this.burns("BurnedForAnHour", "IF(errors >= 5, errors / calls, 0)", Duration.hours(1));
    // No calls are no news: callers may have given up.
    const now = this.burns("BurnsNow", "errors / calls", Duration.minutes(5), {
      treatMissingData: TreatMissingData.IGNORE,
    });
    return new CompositeAlarm(this, "Burning", { alarmRule: AlarmRule.allOf(hour, now) });
  }

  private burns(name: string, expression: string, period: Duration, more: AlarmMore = {}): Alarm {
    const shared = { namespace: "AWS/ApiGateway", dimensionsMap: this.dimensionsMap, statistic: "Sum" };
    const usingMetrics = {
      errors: new Metric({ ...shared, metricName: "5XXError" }),
      calls: new Metric({ ...shared, metricName: "Count" }),
    };
    const rate = new MathExpression({ expression, usingMetrics, period });
    return alarmAbove(this, name, rate, 0.0144, more);
  }
}

export class ProvisionedConcurrency extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Keeps environments of one alias warm, more of them while they are busy.",
    });
    const code = Code.fromInline("def handler(event, context): ...");
    this.keepWarm(lambda(this, "Quote", { code, handler: "index.handler", timeout: Duration.seconds(10) }));
  }

  private keepWarm(quote: Lambda): void {
    const live = quote.addAlias("live", { provisionedConcurrentExecutions: 5 });
    const warm = new CfnScalableTarget(this, "Warm", {
      serviceNamespace: "lambda",
      scalableDimension: "lambda:function:ProvisionedConcurrency",
      resourceId: `function:${quote.functionName}:live`,
      minCapacity: 5,
      maxCapacity: 50,
    });
    warm.node.addDependency(live);
    new CfnScalingPolicy(this, "WarmPolicy", {
      policyName: "busy",
      policyType: "TargetTrackingScaling",
      scalingTargetId: warm.ref,
      targetTrackingScalingPolicyConfiguration: {
        targetValue: 0.7, // a share, not a percentage
        customizedMetricSpecification: this.busiest(quote),
      },
    });
  }

  /** `scaleOnUtilization` tracks an average, which bursts hide in, and which is silent when nobody calls. */
  private busiest(quote: Lambda): CfnScalingPolicy.CustomizedMetricSpecificationProperty {
    const metric = {
      namespace: "AWS/Lambda",
      metricName: "ProvisionedConcurrencyUtilization",
      dimensions: [
        { name: "FunctionName", value: quote.functionName },
        { name: "Resource", value: `${quote.functionName}:live` },
      ],
    };
    return {
      metrics: [
        { id: "used", expression: "FILL(busiest, 0)", returnData: true },
        { id: "busiest", metricStat: { metric, stat: "Maximum" }, returnData: false },
      ],
    };
  }
}

/** Gives every role the path in which a pipeline may make roles; a boundary's aspect sets no path. */
class BelowFunctions implements IAspect {
  visit(node: IConstruct): void {
    if (CfnResource.isCfnResource(node) && node.cfnResourceType === "AWS::IAM::Role") {
      node.addPropertyOverride("Path", "/functions/");
    }
  }
}

export class Release extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Gives a new version of the queue worker a tenth of the batches, and takes them back when it fails.",
    });
    Aspects.of(this).add(new BelowFunctions());
    const boundary = this.bounded("Boundary", "boundary");
    const releaseBoundary = this.bounded("ReleaseBoundary", "release-boundary");
    PermissionsBoundary.of(this).apply(boundary);
    const logs = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const ship = this.ship(logs);
    const live = ship.addAlias("live");
    const orders = Queue.fromQueueArn(this, "Queue", this.stored("OrdersArn", "/shop/orders/arn"));
    live.addEventSource(new SqsEventSource(orders, { reportBatchItemFailures: true, maxConcurrency: 5 }));
    const prove = this.prove(ship, logs);
    const group = new LambdaDeploymentGroup(this, "Canary", {
      alias: live,
      deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_10MINUTES,
      alarms: [this.newVersionFails(ship), this.ordersFail(ship, logs)],
      autoRollback: { stoppedDeployment: true },
      preHook: prove,
    });
    PermissionsBoundary.of(group).apply(releaseBoundary); // the one of the functions lets nobody move an alias
    group.grantPutLifecycleEventHookExecutionStatus(prove);
  }

  private bounded(name: string, path: string): IManagedPolicy {
    return ManagedPolicy.fromManagedPolicyArn(this, `${name}Policy`, this.stored(name, `/functions/${path}`));
  }

  /** What another stack wrote into a parameter; an export would forbid its replacement. */
  private stored(name: string, path: string): string {
    return new CfnParameter(this, name, { type: "AWS::SSM::Parameter::Value<String>", default: path }).valueAsString;
  }

  private ship(logGroup: ILogGroup): Lambda {
    const table = this.stored("ShipmentsTable", "/shop/shipments/table");
    const ship = new PythonFunction(this, "ShipOrders", WORKER, {
      handler: "app.handler",
      timeout: 60,
      logGroup,
      environment: {
        CARRIER_URL: new CfnParameter(this, "CarrierUrl").valueAsString,
        ORDERS_URL: this.stored("OrdersUrl", "/shop/orders/url"),
        SHIPMENTS_TABLE: table,
        POWERTOOLS_SERVICE_NAME: "shipping",
      },
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN }, // to go back to
    });
    const actions = ["GetItem", "PutItem", "UpdateItem", "DeleteItem"].map((each) => `dynamodb:${each}`);
    const arn = this.formatArn({ service: "dynamodb", resource: "table", resourceName: table });
    ship.addToRolePolicy(new PolicyStatement({ actions, resources: [arn] }));
    return ship;
  }

  private prove(ship: Lambda, logGroup: ILogGroup): Lambda {
    const prove = lambda(this, "ProveShipOrders", {
      code: Code.fromAsset(__dirname, { exclude: ["*", "!release_hook.py"] }),
      handler: "release_hook.handler",
      timeout: Duration.seconds(90), // longer than the call it makes
      memorySize: 512,
      retryAttempts: 0, // the first report counts
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      environment: { NEW_VERSION: ship.currentVersion.functionArn },
    });
    ship.currentVersion.grantInvoke(prove);
    return prove;
  }

  private newVersionFails(ship: Lambda): Alarm {
    const onlyNew = {
      FunctionName: ship.functionName,
      Resource: `${ship.functionName}:live`, // not live.functionName: a circle
      ExecutedVersion: ship.currentVersion.version,
    };
    const errors = ship.metricErrors({ dimensionsMap: onlyNew, period: MINUTE });
    return alarmAbove(this, "NewVersionFails", errors, 0);
  }

  /** Failed records are no errors of the function, so this counts what the new version logs of them. */
  private ordersFail(ship: Lambda, logGroup: ILogGroup): Alarm {
    const counted = new MetricFilter(this, "NotShipped", {
      logGroup,
      filterPattern: FilterPattern.stringValue("$.message", "=", "not shipped"),
      metricNamespace: Aws.STACK_NAME,
      metricName: "NotShipped",
      dimensions: { function_version: "$.function_version" },
    });
    const dimensionsMap = { function_version: ship.currentVersion.version };
    const failed = counted.metric({ dimensionsMap, statistic: "Sum", period: MINUTE });
    return alarmAbove(this, "OrdersFail", failed, 5, { evaluationPeriods: 2 });
  }
}

export class PipelineRole extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "Lets one environment of one GitHub repository deploy one stack. Deployed once per account, by hand.",
    });
    const subject = new CfnParameter(this, "Subject", {
      allowedPattern: "repo:[^*?]+:environment:[^*?]+",
    }).valueAsString;
    const stack = new CfnParameter(this, "StackName").valueAsString;
    const executionRole = new CfnParameter(this, "ExecutionRoleArn").valueAsString;
    const github = new OidcProviderNative(this, "GitHub", {
      url: "https://token.actions.githubusercontent.com", // one per account: a second stack takes its ARN instead
      clientIds: ["sts.amazonaws.com"],
    });
    const made = this.deploy(github, subject, this.may(stack, executionRole));
    new CfnOutput(this, "RoleArn", { value: made.roleArn });
  }

  private deploy(github: OidcProviderNative, subject: string, statements: PolicyStatement[]): Role {
    const token = "token.actions.githubusercontent.com";
    const one = { StringEquals: { [`${token}:aud`]: "sts.amazonaws.com", [`${token}:sub`]: subject } };
    return new Role(this, "Deploy", {
      assumedBy: new OpenIdConnectPrincipal(github, one),
      maxSessionDuration: Duration.hours(1),
      inlinePolicies: { deploy: new PolicyDocument({ statements }) },
    });
  }

  /** What `sam deploy` calls; all else is done by the role that it passes to CloudFormation. */
  private may(stack: string, executionRole: string): PolicyStatement[] {
    const service = "cloudformation";
    const ours = this.formatArn({ service, resource: "stack", resourceName: `${stack}/*` });
    const sam = this.formatArn({
      service,
      account: "aws",
      resource: "transform",
      resourceName: "Serverless-2016-10-31",
    });
    const conditions = { StringEquals: { "iam:PassedToService": "cloudformation.amazonaws.com" } };
    return [
      new PolicyStatement({ actions: DEPLOY, resources: [ours, sam] }),
      new PolicyStatement({ actions: ["iam:PassRole"], resources: [executionRole], conditions }),
    ];
  }
}

export class StorageFirst extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description:
        "Requests go from the API into a queue without a function, and none is answered 202 that is not stored.",
    });
    const orders = new Queue(this, "Orders", { encryption: QueueEncryption.SQS_MANAGED });
    const sender = new Role(this, "Sender", { assumedBy: new ServicePrincipal("apigateway.amazonaws.com") });
    orders.grantSendMessages(sender);
    const line = '{"id":"$context.requestId","status":"$context.status","error":"$context.integration.error"}';
    const path = api(this, line).root.addResource("orders");
    path.addMethod("POST", this.store(orders, sender), {
      authorizationType: AuthorizationType.IAM,
      methodResponses: [{ statusCode: "202" }, { statusCode: "500" }],
    });
  }

  private store(orders: Queue, sender: Role): AwsIntegration {
    const options = {
      credentialsRole: sender,
      passthroughBehavior: PassthroughBehavior.NEVER,
      requestParameters: { "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'" },
      requestTemplates: { "application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)" },
      integrationResponses: [
        { statusCode: "202", selectionPattern: "200" },
        { statusCode: "500", responseTemplates: { "application/json": "{}" } },
      ],
    };
    return new AwsIntegration({ service: "sqs", path: `${this.account}/${orders.queueName}`, options });
  }
}

/** An API with a stage that logs such a line for each request. */
function api(scope: Construct, line: string): RestApi {
  const access = new LogGroup(scope, "Access", { retention: RetentionDays.ONE_MONTH });
  return new RestApi(scope, "Api", {
    endpointTypes: [EndpointType.REGIONAL],
    deployOptions: {
      stageName: "live",
      accessLogDestination: new LogGroupLogDestination(access),
      accessLogFormat: AccessLogFormat.custom(line),
      throttlingRateLimit: 100,
      throttlingBurstLimit: 200,
    },
  });
}

type AlarmMore = Partial<Pick<AlarmProps, "evaluationPeriods" | "treatMissingData">>;

function alarmAbove(scope: Construct, name: string, metric: IMetric, threshold: number, more: AlarmMore = {}): Alarm {
  return new Alarm(scope, name, {
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    ...more,
    metric,
    threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
  });
}

function lambda(scope: Construct, name: string, props: Omit<FunctionProps, "runtime">): Lambda {
  return new Lambda(scope, name, { ...props, runtime: Runtime.PYTHON_3_14, architecture: Architecture.ARM_64 });
}

const STACKS = {
  Permissions,
  SharedKey,
  Tenants,
  Alarms,
  ProvisionedConcurrency,
  Release,
  PipelineRole,
  StorageFirst,
};

if (require.main === module) {
  const app = new App();
  for (const [name, Made] of Object.entries(STACKS)) {
    new Made(app, name);
  }
  app.synth();
}
