// Bundled with each handler: tells `environments.mjs` of what all clients of the SDK are made of; no retry waits.
import { Client } from "@smithy/core/client";
import { Retry } from "@smithy/core/retry";

globalThis.watchClient(Client);
Retry.delay = Retry.throttlingDelay = () => 0;
