"""Speaks HTTP to a service: a keep-alive client, and raw sockets for what no client sends.

Must not judge answers; the tests do. CODE_RUNNER_TIME_FACTOR says how much slower than usual the service is.
"""
import contextlib
import http.client
import json
import os
import socket
import struct
import time

TIME_FACTOR = float(os.environ.get("CODE_RUNNER_TIME_FACTOR", "1"))
JSON_TYPE = {"Content-Type": "application/json"}


class Answer:
    def __init__(self, status, headers, body, seconds=0.0):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def outcome(self):
        return self.json.get("outcome", "success" if self.status == 200 else None)

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class Client:
    """One keep-alive connection; use one Client a thread."""

    IDLE_SECONDS = 3  # a server may close a connection that rested; do not race with that

    def __init__(self, port, timeout=45 * TIME_FACTOR):
        self.port, self.timeout = port, timeout
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.used = time.monotonic()

    def request(self, method, path, body=None, headers=None):
        if time.monotonic() - self.used > self.IDLE_SECONDS:
            self.connection.close()
        started = time.monotonic()
        try:
            self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            content = response.read()
        except Exception:
            self.connection.close()
            raise
        self.used = time.monotonic()
        return Answer(response.status, response.headers, content, self.used - started)

    def get(self, path):
        return self.request("GET", path)

    def post(self, body, headers=None):
        return self.request("POST", "/execute", body, JSON_TYPE if headers is None else headers)

    def execute(self, script, **fields):
        return self.post(json.dumps({"script": script, **fields}).encode())

    def close(self):
        self.connection.close()


class Raw:
    """A TCP connection on which a test writes bytes and reads one answer after the other."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def read_answer(self, with_body=True):
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed without an answer")
        status = int(line.split()[1])
        headers = http.client.parse_headers(self.file)
        body = b""
        if with_body and status >= 200:
            body = self.file.read(int(headers["Content-Length"]))
        return Answer(status, headers, body)

    def at_end(self):
        """True if the peer closes; blocks until then or until the time-out."""
        with contextlib.suppress(ConnectionResetError):
            return self.file.read(1) == b""
        return True

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reset(connection):
    """Closes a Raw, or a Stream of events, with a reset instead of an end: SO_LINGER of socket(7)."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def head(method="POST", path="/execute", version="HTTP/1.1", **headers):
    """A request's head as bytes; header names with _ for -."""
    lines = [f"{method} {path} {version}", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def execute_bytes(script, **headers):
    """A whole POST /execute as bytes."""
    body = json.dumps({"script": script}).encode()
    return head(Content_Type="application/json", Content_Length=len(body), **headers) + body


def rpc(method):
    """The body of a request to /mcp without parameters."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
