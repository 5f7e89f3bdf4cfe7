"""Signs and checks with Stripe's library for Python. Reads requests as JSON, one a line, and answers each
with a line: {"do": "sign", secret, time, body} with a header, {"do": "check", secret, header, body} with
"good" or "bad"."""

import json
import sys

import stripe

TOLERANCE_SECS = 300


def sign(secret, time, body):
    mac = stripe.WebhookSignature._compute_signature(f"{time}.{body}", secret)
    return f"t={time},v1={mac}"


def check(secret, header, body):
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance=TOLERANCE_SECS)
        return "good"
    except stripe.SignatureVerificationError:
        return "bad"


DEEDS = {"sign": sign, "check": check}

for line in sys.stdin:
    request = json.loads(line)
    print(DEEDS[request.pop("do")](**request), flush=True)
