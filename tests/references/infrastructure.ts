// What the references show of the SAM templates beside this file, as CDK writes it; the templates are whole.
import { join } from "node:path";
import { App, ArnFormat, CfnParameter, type CfnResource, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
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
import {
  Alarm,
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
  ManagedPolicy,
  OidcProviderNative,
  OpenIdConnectPrincipal,
  PermissionsBoundary,
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
  Runtime,
  TenancyConfig,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

const MINUTE = Duration.minutes(1);
const WORKER = join(__dirname, "..", "..", "examples", "queue_worker");
const MAKE = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"];
const READ = ["iam:GetRole*", "iam:List*RolePolicies"];
const CHANGE = ["iam:UpdateRole", "iam:UpdateRoleDescription", "iam:TagRole", "iam:UntagRole"]; // SAM tags its roles
const DELETE = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"];

export class Permissions extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Lets a pipeline make roles for functions that can never do more than a boundary says.",
    });
    const services = ["dynamodb:*", "sqs:*", "sns:*", "s3:*", "events:*", "states:*", "logs:*", "xray:*"];
    const atMost = new PolicyStatement({ actions: [...services, "secretsmanager:GetSecretValue"], resources: ["*"] });
    const boundary = new ManagedPolicy(this, "Boundary", { statements: [atMost] });
    const wide = { config: { ignore_checks: ["W9802", "W9803"] } }; // a boundary is wide, and grants nothing
    (boundary.node.defaultChild as CfnResource).addMetadata("cfn-lint", wide);
    new ManagedPolicy(this, "Roles", { statements: this.roles(boundary) });
  }

  private roles(boundary: ManagedPolicy): PolicyStatement[] {
    const resources = [this.formatArn({ service: "iam", region: "", resource: "role", resourceName: "functions/*" })];
    const bounded = { StringEquals: { "iam:PermissionsBoundary": boundary.managedPolicyArn } };
    const toLambda = { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } };
    return [
      new PolicyStatement({ actions: MAKE, resources, conditions: bounded }),
      new PolicyStatement({ actions: [...READ, ...CHANGE, ...DELETE], resources }),
      new PolicyStatement({ actions: ["iam:PassRole"], resources, conditions: toLambda }),
    ];
  }
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
    const both = [this.burns("BurnedForAnHour", Duration.hours(1)), this.burns("BurnsNow", Duration.minutes(5))];
    return new CompositeAlarm(this, "Burning", { alarmRule: AlarmRule.allOf(...both) });
  }

  private burns(name: string, window: Duration): Alarm {
    const shared = { namespace: "AWS/ApiGateway", dimensionsMap: this.dimensionsMap, statistic: "Sum" };
    const rate = new MathExpression({
      expression: "IF(calls >= 20, errors / calls, 0)",
      usingMetrics: {
        errors: new Metric({ ...shared, metricName: "5XXError" }),
        calls: new Metric({ ...shared, metricName: "Count" }),
      },
      period: window,
    });
    return alarmAbove(this, name, rate, 0.0144);
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
    const warm = live.addAutoScaling({ minCapacity: 5, maxCapacity: 50 });
    warm.scaleOnUtilization({ utilizationTarget: 0.7 }); // a share; without it the target never scales
  }
}

export class Release extends Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name, {
      description: "Gives a new version a tenth of the traffic, and takes it back when it fails.",
    });
    PermissionsBoundary.of(this).apply(ManagedPolicy.fromManagedPolicyName(this, "Boundary", "Boundary"));
    const ship = lambda(this, "ShipOrders", {
      code: Code.fromAsset(WORKER, { exclude: ["*", "!app.py"] }),
      handler: "app.handler",
      timeout: Duration.seconds(60),
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN }, // or there is none to go back to
    });
    const prove = lambda(this, "ProveShipOrders", {
      code: Code.fromAsset(__dirname, { exclude: ["*", "!release_hook.py"] }),
      handler: "release_hook.handler",
      timeout: Duration.seconds(90), // longer than the call it makes
      retryAttempts: 0, // the first report counts
      environment: { NEW_VERSION: ship.currentVersion.functionArn },
    });
    ship.currentVersion.grantInvoke(prove);
    const failed = new Metric({
      namespace: this.stackName,
      metricName: "NotShipped",
      statistic: "Sum",
      period: MINUTE,
    });
    const ordersFail = alarmAbove(this, "OrdersFail", failed, 5, 2);
    const newVersionFails = this.newVersionFails(ship);
    const group = new LambdaDeploymentGroup(this, "Canary", {
      alias: ship.addAlias("live"),
      deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_10MINUTES,
      alarms: [newVersionFails, ordersFail],
      preHook: prove,
    });
    group.grantPutLifecycleEventHookExecutionStatus(prove);
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
    const github = new OidcProviderNative(this, "GitHub", {
      url: "https://token.actions.githubusercontent.com", // one per account: a second stack takes its ARN instead
      clientIds: ["sts.amazonaws.com"],
    });
    this.deploy(github, subject);
  }

  private deploy(github: OidcProviderNative, subject: string): Role {
    const token = "token.actions.githubusercontent.com";
    const one = { StringEquals: { [`${token}:aud`]: "sts.amazonaws.com", [`${token}:sub`]: subject } };
    return new Role(this, "Deploy", { assumedBy: new OpenIdConnectPrincipal(github, one) });
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

function alarmAbove(scope: Construct, name: string, metric: IMetric, threshold: number, evaluationPeriods = 1): Alarm {
  return new Alarm(scope, name, {
    metric,
    threshold,
    evaluationPeriods,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
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
