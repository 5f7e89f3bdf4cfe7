// Signs and checks with Stripe's library for Node, which stands in the folder given as the only argument.
// Reads requests as JSON, one a line, and answers each with a line, as sign.py does.

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const Stripe = createRequire(resolve(process.argv[2], "package.json"))("stripe");
const { webhooks } = new Stripe("sk_test_unused");
const TOLERANCE_SECS = 300;

const deeds = {
  sign: ({ secret, time, body }) =>
    webhooks.generateTestHeaderString({ payload: body, secret, timestamp: time }),
  check: ({ secret, header, body }) => {
    try {
      webhooks.signature.verifyHeader(body, header, secret, TOLERANCE_SECS);
      return "good";
    } catch (error) {
      if (error.type === "StripeSignatureVerificationError") return "bad";
      throw error;
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(deeds[request.do](request));
}
