// Drives a fake Stripe with Stripe's library for Node: drive.mjs FOLDER API FILES KEY, where the library stands in FOLDER.
// Prints what it saw as one JSON object, as drive.py does.

import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, api, files, key] = process.argv.slice(2);
const Stripe = createRequire(resolve(folder, "package.json"))("stripe");
const at = (url) => ({ host: new URL(url).hostname, port: new URL(url).port, protocol: "http" });
const stripe = new Stripe(key, { ...at(api), maxNetworkRetries: 0 });
const uploads = new Stripe(key, { ...at(files), maxNetworkRetries: 0 });

async function refused(act) {
  try {
    await act();
  } catch (error) {
    return {
      class: error.type,
      status: error.statusCode,
      code: error.code ?? null,
      param: error.param ?? null,
      decline_code: error.raw?.decline_code ?? null,
      intent: error.payment_intent?.status ?? null,
      request_id: Boolean(error.requestId),
    };
  }
  return null;
}

const seen = {};
const customer = await stripe.customers.create({ name: "Ada", email: "ada@example.com", metadata: { user_id: "7" } });
const card = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
const intent = await stripe.paymentIntents.create({
  amount: 6000, currency: "usd", customer: customer.id, payment_method: card.id, metadata: { a: "b" },
});
seen.created = intent.status;
seen.confirmed = (await stripe.paymentIntents.confirm(intent.id, { off_session: true })).status;
const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 1000, metadata: { why: "test" } });
seen.refund = [refund.status, refund.amount, refund.metadata.why];
seen.over = await refused(() => stripe.refunds.create({ payment_intent: intent.id, amount: 5001 }));
for (let count = 0; count < 3; count += 1) await stripe.refunds.create({ payment_intent: intent.id, amount: 100 });
seen.listed = [];
for await (const one of stripe.refunds.list({ payment_intent: intent.id, limit: 2 })) seen.listed.push(one.amount);
seen.declined = await refused(() => stripe.paymentIntents.create({
  amount: 500, currency: "usd", payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds", confirm: true,
}));
seen.authentication = await refused(() => stripe.paymentIntents.create({
  amount: 500, currency: "usd", payment_method: "pm_card_authenticationRequired", confirm: true, off_session: true,
}));
const options = { idempotencyKey: "node-1" };
const first = await stripe.customers.create({ name: "One" }, options);
const again = await stripe.customers.create({ name: "One" }, options);
seen.replayed = [first.id === again.id, again.lastResponse.headers["idempotent-replayed"]];
seen.other_parameters = await refused(() => stripe.customers.create({ name: "Two" }, options));
seen.no_key = await refused(() => new Stripe("sk_test_no", at(api)).balance.retrieve());

const disputed = await stripe.paymentIntents.create({ amount: 900, currency: "usd", payment_method: "pm_card_createDispute", confirm: true });
const [dispute] = (await stripe.disputes.list({ payment_intent: disputed.id })).data;
const receipt = await uploads.files.create({
  purpose: "dispute_evidence", file: { data: Buffer.from("%PDF-1.4 receipt"), name: "receipt.pdf", type: "application/pdf" },
});
const staged = await stripe.disputes.update(dispute.id, { evidence: { receipt: receipt.id, product_description: "A listing" }, submit: false });
const submitted = await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: "x" }, submit: true });
seen.dispute = [dispute.status, staged.evidence_details.submission_count, submitted.status, submitted.evidence.receipt === receipt.id];
seen.charged_back = await refused(() => stripe.refunds.create({ payment_intent: disputed.id }));
await stripe.disputes.close(dispute.id);
seen.closed = await refused(() => stripe.disputes.close(dispute.id));
const types = new Set();
for await (const event of stripe.events.list({ limit: 100 })) types.add(event.type);
seen.events = [...types].sort();
console.log(JSON.stringify(seen));
