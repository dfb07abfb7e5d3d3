// The stacks of all examples as one CDK app: `npx cdk deploy QueueWorker --app "npx tsx cdk_app.ts"` deploys one.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { App } from "aws-cdk-lib";

const app = new App();
for (const folder of readdirSync(__dirname).sort()) {
  if (existsSync(join(__dirname, folder, "stack.ts"))) {
    const name = folder.replace(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase());
    new (require(`./${folder}/stack`)[name])(app, name); // queue_worker has QueueWorker
  }
}
app.synth();
