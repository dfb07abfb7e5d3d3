// Offers for whoever has a token; plain Node.js, nothing to install.
const http = require("node:http");
const crypto = require("node:crypto");

const secret = process.env.TOKEN_SECRET_NAME ?? "local";

function known(token) {
  const [name, mark] = (token ?? "").replace("Bearer ", "").split(".");
  return mark === crypto.createHmac("sha256", secret).update(name).digest("hex").slice(0, 16);
}

const server = http.createServer((request, response) => {
  if (request.url === "/health") return response.end("ok");
  if (!known(request.headers.authorization)) return response.writeHead(401).end();
  const offer = request.url.split("/").at(-1);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ offer, cents: offer.length * 100 }));
});

server.listen(process.env.PORT ?? 3000, "localhost");
