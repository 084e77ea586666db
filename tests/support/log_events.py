"""Requests with an id, and the events that a log in JSON has of them. Must not judge them; the tests do."""
import json

from support import procs


def events(server):
    return [json.loads(line) for line in server.log().splitlines()]


def event_of(server, request_id):
    """The one event of a request; it is written when the answer is out."""
    def find():
        return [event for event in events(server) if event.get("request_id") == request_id]
    found = procs.poll(find, 3, f"a line for {request_id}")
    assert len(found) == 1, found
    return found[0]


def post(server, script, request_id=None, fields=None, **headers):
    """POST /execute; fields: of the request, besides its script."""
    headers = {"Content-Type": "application/json", **headers}
    if request_id:
        headers["X-Request-Id"] = request_id
    return server.client.post(json.dumps({"script": script, **(fields or {})}).encode(), headers)
