// Starts stripe-stateful-mock, a Stripe with memory that others made, on a free port of loopback, and prints the port.
// stateful.mjs FOLDER, where it stands in FOLDER. Ends with its input.

import { createRequire } from "node:module";
import { resolve } from "node:path";

process.env.LOG_LEVEL = "silent";
const { createExpressApp } = createRequire(resolve(process.argv[2], "package.json"))("stripe-stateful-mock");
const server = createExpressApp().listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
