// Loaded before a function: `awslambda`, by which a handler streams its response. The local AWS asks for the whole
// answer at once, so what is streamed is collected: with its metadata or for a request as a response, else as a text.
const { Writable } = require("node:stream");

class ResponseStream extends Writable {
  constructor() {
    super({ write: (chunk, encoding, done) => done(void this.chunks.push(Buffer.from(chunk, encoding))) });
    this.chunks = [];
    this.metadata = {};
  }

  setContentType(type) {
    this.metadata.headers = { ...this.metadata.headers, "Content-Type": type };
  }

  answer(event) {
    const body = Buffer.concat(this.chunks).toString();
    const asked = Object.keys(this.metadata).length > 0 || event?.requestContext;
    return asked ? { statusCode: 200, ...this.metadata, body } : body;
  }
}

// A handler that returns while its stream is open is waited for, as Lambda does, until the function times out.
const streamifyResponse = (handler) => async (event, context) => {
  const stream = new ResponseStream();
  const ended = new Promise((resolve, reject) => stream.on("finish", resolve).on("error", reject));
  await Promise.all([handler(event, stream, context), ended]);
  return stream.answer(event);
};

const HttpResponseStream = { from: (stream, metadata) => Object.assign(stream, { metadata: { ...metadata } }) };

globalThis.awslambda ??= { streamifyResponse, HttpResponseStream, ResponseStream };
