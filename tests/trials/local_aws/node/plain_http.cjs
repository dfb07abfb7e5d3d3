// Loaded before a function: the SDK's clients that would speak HTTP/2 (Kinesis and its kin) speak HTTP/1.1, which is
// all that the local AWS understands; on AWS both do the same.
const loader = require("node:module");

const load = loader._load;
loader._load = (request, ...rest) => {
  const found = load(request, ...rest);
  if (request !== "@smithy/node-http-handler") return found;
  return new Proxy(found, { get: (all, name) => all[name === "NodeHttp2Handler" ? "NodeHttpHandler" : name] });
};
