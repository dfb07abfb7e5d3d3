// What the stacks of all examples share: a Python function packaged without Docker, and an alarm that somebody gets.
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Duration } from "aws-cdk-lib";
import { Alarm, type AlarmProps, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { FunctionProps } from "aws-cdk-lib/aws-lambda";
import { Architecture, Code, Function as Lambda, LoggingFormat, Runtime, Tracing } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

const TARGET = "--python-platform aarch64-manylinux_2_28 --python-version 3.14 --only-binary :all:"; // not this machine's
const OURS = ["stack.py", "scenario.py"]; // no part of the function

/** Installs a folder's requirements.txt and puts the folder's modules beside them. */
class WithUv {
  constructor(private readonly folder: string) {}

  /** Answering false would make CDK ask for Docker, so a failure is thrown. */
  tryBundle(outputDir: string): boolean {
    const wanted = ["--target", outputDir, "--requirements", join(this.folder, "requirements.txt")];
    execFileSync("uv", ["pip", "install", "--quiet", ...TARGET.split(" "), ...wanted], { stdio: "inherit" });
    const modules = readdirSync(this.folder).filter((name) => name.endsWith(".py") && !OURS.includes(name));
    for (const module of modules) {
      copyFileSync(join(this.folder, module), join(outputDir, module));
    }
    return true;
  }
}

export function pythonCode(folder: string): Code {
  const exclude = ["*", "!*.py", "!requirements.txt", ...OURS];
  const bundling = { image: Runtime.PYTHON_3_14.bundlingImage, local: new WithUv(folder) };
  return Code.fromAsset(folder, { exclude, bundling });
}

/** `timeout` is in seconds. */
export interface PythonFunctionProps extends Omit<FunctionProps, "code" | "runtime" | "timeout"> {
  readonly timeout: number;
  readonly logGroup: ILogGroup;
  readonly environment: Record<string, string>;
}

/** A function of a folder's modules on arm64, traced, with logs in JSON. */
export class PythonFunction extends Lambda {
  constructor(scope: Construct, name: string, folder: string, props: PythonFunctionProps) {
    super(scope, name, {
      memorySize: 512,
      ...props,
      code: pythonCode(folder),
      runtime: Runtime.PYTHON_3_14,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(props.timeout),
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
    });
  }
}

/** The same function in TypeScript: `handler` names a module of the folder and what it exports. */
export class TypeScriptFunction extends NodejsFunction {
  constructor(
    scope: Construct,
    name: string,
    folder: string,
    { handler: wanted, timeout, environment, ...props }: PythonFunctionProps,
  ) {
    const [module, handler] = wanted.split(".");
    super(scope, name, {
      memorySize: 512,
      ...props,
      entry: join(folder, `${module}.ts`),
      handler,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(timeout),
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      environment: { ...environment, NODE_OPTIONS: "--enable-source-maps" }, // a stack trace has the lines of the .ts
      projectRoot: join(__dirname, ".."),
      depsLockFilePath: join(__dirname, "..", "tests", "node", "package-lock.json"), // in your project: leave both out
      bundling: {
        bundleAwsSDK: true, // as tested, not as the runtime has it
        mainFields: ["module", "main"], // esbuild leaves out what is unused of ES modules only
        sourceMap: true,
        sourcesContent: false,
      },
    });
  }
}

/** What makes functions: `-c handlers=typescript` asks for the modules in TypeScript. */
export function functions(scope: Construct): typeof PythonFunction | typeof TypeScriptFunction {
  return scope.node.tryGetContext("handlers") === "typescript" ? TypeScriptFunction : PythonFunction;
}

export interface AlarmSettings extends Partial<Omit<AlarmProps, "metric" | "alarmDescription" | "threshold">> {
  readonly whatToDo: string;
  readonly above?: number;
}

/** Tell a topic when a metric is over a threshold, `above`, for so many of its periods. */
export function alarm(
  scope: Construct,
  name: string,
  metric: AlarmProps["metric"],
  topic: ITopic,
  { whatToDo, above = 0, ...more }: AlarmSettings,
): Alarm {
  const made = new Alarm(scope, name, {
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    ...more,
    metric,
    alarmDescription: whatToDo,
    threshold: above,
  });
  made.addAlarmAction(new SnsAction(topic));
  return made;
}
