"""Requests with a token or an origin, or without. Must not judge the answers; the tests do."""
import json
import secrets
import string

from support.client import Client

SCRIPT = json.dumps({"script": "def main(): return 1"}).encode()
ORIGIN = "https://a.example"


def new_token():
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def ask(server, token=None, method="POST", path="/execute", **headers):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = SCRIPT if method == "POST" else None
    return Client(server.port).request(method, path, body, {"Content-Type": "application/json", **headers})


def tokens_of(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def preflight(server, origin=ORIGIN, path="/execute"):
    return ask(server, None, "OPTIONS", path, Origin=origin, **{"Access-Control-Request-Method": "POST"})
