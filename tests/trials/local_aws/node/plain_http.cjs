// Loaded before a function: the SDK's clients that would speak HTTP/2 (Kinesis and its kin) speak HTTP/1.1, which is
// all that the local AWS understands; on AWS both do the same.
const loader = require("node:module");

const load = loader._load;
const told = new WeakSet();
loader._load = (request, ...rest) => {
  const found = load(request, ...rest);
  if (/^aws-sdk($|\/)/.test(request)) tell(found.config ?? load("aws-sdk/global", ...rest).config);
  if (request !== "@smithy/node-http-handler") return found;
  return new Proxy(found, { get: (all, name) => all[name === "NodeHttp2Handler" ? "NodeHttpHandler" : name] });
};

// Version 2 of the SDK does not read AWS_ENDPOINT_URL: it is told where the local AWS is.
function tell(config) {
  if (!config || told.has(config)) return;
  told.add(config);
  config.update({ endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true });
}
