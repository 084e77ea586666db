"""Reads an answer of server-sent events, with the time of each.

Must not judge them; the tests do.
"""
import http.client
import json
import socket
import time

from support.client import JSON_TYPE

EVENTS = "text/event-stream"


class Event:
    """name None: a comment; data: the decoded JSON."""

    def __init__(self, name, data, seconds):
        self.name, self.data, self.seconds = name, data, seconds

    def __repr__(self):
        return f"<{self.seconds:.3f} {self.name} {self.data!r:.200}>"


class Stream:
    """One request for events; iterate over it for what comes."""

    def __init__(self, port, script, receive_bytes=None, headers=None, **fields):
        """receive_bytes: how much this end's kernel takes before it is read."""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        if receive_bytes:
            self.connection.sock = socket.socket()
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            self.connection.sock.settimeout(60)
            self.connection.sock.connect(("127.0.0.1", port))
        self.socket = None
        self.started = time.monotonic()
        body = json.dumps({"script": script, **fields}).encode()
        self.connection.request("POST", "/execute", body, {**JSON_TYPE, "Accept": EVENTS, **(headers or {})})
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.status, self.headers = self.response.status, self.response.headers

    def __iter__(self):
        while (event := self.read()) is not None:
            yield event

    def read(self):
        """The next event, None at the end; ConnectionError if the end is missing."""
        name = data = None
        lines = 0
        while line := self.response.readline():
            line = line.decode()  # strictly: each event is whole UTF-8
            assert line.endswith("\n"), line
            if line == "\n":
                assert lines > 0
                return Event(name, data, time.monotonic() - self.started)
            field, _, value = line[:-1].partition(": ")
            assert field in ("", "event", "data"), line
            lines += 1
            if field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
        assert lines == 0, "the last event is cut"
        return None

    def close(self):
        self.response.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def stream(server, script, **fields):
    """All events of one, as a list; AssertionError if it gets none."""
    with Stream(server.port, script, **fields) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, EVENTS)
        return list(answer)


def text_of(events, name):
    return "".join(event.data for event in events if event.name == name)
