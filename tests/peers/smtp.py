"""A mail server, aiosmtpd, on loopback: writes each mail that it takes as a line of JSON.

Usage: smtp.py PORT FILE [CERTIFICATE KEY]. With a certificate it requires STARTTLS and a login. An address that begins
with `gone` is refused for good, one that begins with `busy` for now, and for one that begins with `far` we may not relay.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Mailbox:
    def __init__(self, path):
        self.path = path

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("far"):
            return "550 5.7.1 unable to relay"
        if address.startswith("busy"):
            return "451 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
            "tls": session.ssl is not None,
            "authenticated": bool(session.authenticated),
        }
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(mail) + "\n")
        return "250 OK"


def log_in(server, session, envelope, mechanism, data):
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"mailer-of-tests", b"hunter2")
    return AuthResult(success=is_known, handled=False)


async def main():
    port, path, *tls = sys.argv[1:]
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)

    def session():
        more = {"authenticator": log_in, "auth_required": True} if context else {}
        return SMTP(Mailbox(path), hostname="mail.test", tls_context=context, require_starttls=bool(context), **more)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main())
