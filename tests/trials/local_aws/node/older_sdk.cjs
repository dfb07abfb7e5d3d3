// Loaded before a function: version 2 of the SDK, which does not read AWS_ENDPOINT_URL, is told where the local AWS is.
const loader = require("node:module");

const load = loader._load;
const told = new WeakSet();
loader._load = (request, ...rest) => {
  const found = load(request, ...rest);
  const config = /^aws-sdk($|\/)/.test(request) ? (found.config ?? load("aws-sdk/global", ...rest).config) : undefined;
  if (config && !told.has(config)) {
    told.add(config);
    config.update({ endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true });
  }
  return found;
};
