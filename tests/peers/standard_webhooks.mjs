// Checks notices with the library of Standard Webhooks, which stands in the folder given as the only argument. Reads
// {secret, headers, body} as JSON, one a line, and answers each with `good` or `bad`.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const { Webhook, WebhookVerificationError } = createRequire(resolve(process.argv[2], "package.json"))("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("good");
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log("bad");
  }
}
