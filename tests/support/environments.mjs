// Execution environments of bundled handlers, for tests: each is loaded afresh, and told what happened in it.
//
// `POST /load` {bundle, variables, gone} answers the environment's number, or {error}; those in `gone` are forgotten.
// `POST /call` {environment, handler, event, context, now, diesAfter} answers {answer} or {error} or {died}, with {calls,
// lines}: what left the function, as [serviceId, operation] or ["", ""] for a call to the outside, and what it logged.
// `now` is in milliseconds.
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire, Module } from "node:module";
import { constants, Script } from "node:vm";

const scripts = new Map();
const environments = new Map();
let loaded = 0;
const invocations = new AsyncLocalStorage();
const never = new Promise(() => {});
const RealDate = Date;
const own = { ...process.env };
let ahead = 0;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [RealDate.now() + ahead]));
  }
  static now = () => RealDate.now() + ahead;
};

/** Do what leaves the function. Once its last call was answered, it is dead: nothing more of it is done. */
async function leaving(service, operation, work) {
  const invocation = invocations.getStore();
  if (!invocation) return work();
  if (invocation.dead) return never;
  const answer = await work();
  if (invocation.dead) return never;
  invocation.calls.push([service, operation]);
  if (invocation.calls.length !== invocation.diesAfter) return answer;
  invocation.dead = true;
  invocation.died();
  return never;
}

/** Called by each bundle with its own copy of the class. */
globalThis.watchClient = ({ prototype }) => {
  const { send } = prototype;
  prototype.send = function (command, ...more) {
    this.middlewareStack.remove("queueUrlMiddleware"); // SQS's, with which calls would pass the faults by
    const operation = (command.clientCommand ?? command).constructor.name.replace(/Command$/, "");
    return leaving(this.config.serviceId, operation, () => send.call(this, command, ...more));
  };
};

const { fetch } = globalThis;
globalThis.fetch = (...asked) => leaving("", "", () => fetch(...asked));

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (text, ...more) => {
    const invocation = invocations.getStore();
    if (!invocation) return write(text, ...more);
    invocation.lines.push(...String(text).trimEnd().split("\n"));
    return true;
  };
}

function load({ bundle, variables, gone }) {
  for (const number of gone) environments.delete(number);
  if (!scripts.has(bundle)) {
    const options = { filename: bundle, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
    scripts.set(bundle, new Script(Module.wrap(readFileSync(bundle, "utf8")), options));
  }
  for (const name of Object.keys(process.env)) if (!(name in variables) && !(name in own)) delete process.env[name];
  Object.assign(process.env, variables);
  const module = { exports: {} };
  scripts.get(bundle).runInThisContext()(module.exports, createRequire(bundle), module, bundle, "");
  environments.set(++loaded, module.exports);
  return loaded;
}

async function call({ environment, handler, event, context, now, diesAfter }) {
  ahead = now - RealDate.now();
  const invocation = { calls: [], lines: [], diesAfter, dead: false };
  const death = new Promise((resolve) => {
    invocation.died = () => resolve({ died: true });
  });
  const { remaining, ...given } = context;
  const lambda = { ...given, getRemainingTimeInMillis: () => remaining };
  const life = invocations.run(invocation, async () => {
    try {
      return { answer: (await environments.get(environment)[handler](event, lambda)) ?? null };
    } catch (error) {
      return { error: `${error?.name}: ${error?.message ?? error}` };
    }
  });
  const ended = await Promise.race([death, life]);
  return { ...ended, calls: invocation.calls, lines: invocation.lines };
}

const server = createServer(async (request, response) => {
  const given = JSON.parse(Buffer.concat(await request.toArray()).toString());
  let answer;
  try {
    answer = request.url === "/load" ? { environment: load(given) } : await call(given);
  } catch (error) {
    answer = { error: `${error?.stack ?? error}`, calls: [], lines: [] };
  }
  response.end(JSON.stringify(answer));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
