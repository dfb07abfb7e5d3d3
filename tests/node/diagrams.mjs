// Reads a JSON list of Mermaid diagrams; prints a JSON list of what the parser says of each: "" or its error.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document }); // Mermaid sanitizes labels with the browser's help
const { default: mermaid } = await import("mermaid");

const complaints = [];
for (const diagram of JSON.parse(readFileSync(0, "utf8"))) {
  complaints.push(await mermaid.parse(diagram).then(() => "", (error) => String(error)));
}
console.log(JSON.stringify(complaints));
