// Loaded before a function: notes in the file TRIALS_LEFT_RUNNING that calls were under way, or began, after an async
// handler had returned. Lambda freezes the environment then, so such a call ends in a later invocation or never; here
// the process goes on, and it would not show. A handler that calls back is waited for, as Lambda does.
const channels = require("node:diagnostics_channel");
const fs = require("node:fs");

const note = process.env.TRIALS_LEFT_RUNNING;
let running = 0;
let returned = false;
const tell = () => note && fs.appendFileSync(note, `${process.env.AWS_LAMBDA_FUNCTION_NAME}\n`);
const begin = () => {
  running += 1;
  if (returned) tell();
};
const end = () => (running = Math.max(0, running - 1));
for (const name of ["http.client.request.start", "undici:request:create"]) channels.subscribe(name, begin);
for (const name of [
  "http.client.response.finish",
  "http.client.request.error",
  "undici:request:trailers",
  "undici:request:error",
])
  channels.subscribe(name, end);

process.stdin.on("data", () => (returned = false));
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk, ...rest) => {
  const called = /at callback |\.(done|succeed|fail) /.test(new Error().stack);
  if (String(chunk).startsWith('{"status":"ok"') && !called) {
    returned = true;
    if (running > 0) tell();
  }
  return write(chunk, ...rest);
};
