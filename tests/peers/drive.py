"""Drives a fake Stripe with Stripe's library for Python: drive.py API FILES KEY. Prints what it saw as one JSON object."""

import io
import json
import sys

import stripe

api, files, key = (argument.rstrip("/") for argument in sys.argv[1:4])
client = stripe.StripeClient(key, base_addresses={"api": api, "files": files}, max_network_retries=0)
v1 = client.v1
seen = {}


def refused(act):
    """The class of the exception that the library makes of an answer, and what it read from it."""
    try:
        act()
    except stripe.StripeError as error:
        body = error.error
        return {
            "class": type(error).__name__,
            "status": error.http_status,
            "code": error.code,
            "param": getattr(error, "param", None),
            "decline_code": getattr(body, "decline_code", None),
            "intent": getattr(getattr(body, "payment_intent", None), "status", None),
            "request_id": bool(error.request_id),
        }
    return None


customer = v1.customers.create({"name": "Ada", "email": "ada@example.com", "metadata": {"user_id": "7"}})
card = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
intent = v1.payment_intents.create(
    {"amount": 6000, "currency": "usd", "customer": customer.id, "payment_method": card.id, "metadata": {"a": "b"}}
)
seen["created"] = intent.status
seen["confirmed"] = v1.payment_intents.confirm(intent.id, {"off_session": True}).status
refund = v1.refunds.create({"payment_intent": intent.id, "amount": 1000, "metadata": {"why": "test"}})
seen["refund"] = [refund.status, refund.amount, refund.metadata["why"]]
seen["over"] = refused(lambda: v1.refunds.create({"payment_intent": intent.id, "amount": 5001}))
for _ in range(3):
    v1.refunds.create({"payment_intent": intent.id, "amount": 100})
seen["listed"] = [one.amount for one in v1.refunds.list({"payment_intent": intent.id, "limit": 2}).auto_paging_iter()]
seen["declined"] = refused(
    lambda: v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds", "confirm": True}
    )
)
seen["authentication"] = refused(
    lambda: v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True, "off_session": True}
    )
)
options = {"idempotency_key": "python-1"}
first = v1.customers.create({"name": "One"}, options)
again = v1.customers.create({"name": "One"}, options)
seen["replayed"] = [first.id == again.id, again.last_response.headers.get("idempotent-replayed")]
seen["other_parameters"] = refused(lambda: v1.customers.create({"name": "Two"}, options))
seen["no_key"] = refused(lambda: stripe.StripeClient("sk_test_no", base_addresses={"api": api}).v1.balance.retrieve())

disputed = v1.payment_intents.create({"amount": 900, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True})
dispute = v1.disputes.list({"payment_intent": disputed.id}).data[0]
scan = io.BytesIO(b"%PDF-1.4 receipt")
scan.name = "receipt.pdf"
receipt = v1.files.create({"purpose": "dispute_evidence", "file": scan})
staged = v1.disputes.update(dispute.id, {"evidence": {"receipt": receipt.id, "product_description": "A listing"}, "submit": False})
submitted = v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "x"}, "submit": True})
seen["dispute"] = [dispute.status, staged.evidence_details.submission_count, submitted.status, submitted.evidence.receipt == receipt.id]
seen["charged_back"] = refused(lambda: v1.refunds.create({"payment_intent": disputed.id}))
v1.disputes.close(dispute.id)
seen["closed"] = refused(lambda: v1.disputes.close(dispute.id))
seen["events"] = sorted({event.type for event in v1.events.list({"limit": 100}).auto_paging_iter()})
print(json.dumps(seen))
