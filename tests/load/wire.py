"""HTTP for the load: requests on one connection, by asyncio, and ways of being a bad client.

Must not judge answers.
"""
import asyncio
import json
import socket
import struct


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.json = json.loads(body)
        self.outcome = self.json.get("outcome", "success" if status == 200 else None)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(body, close=False):
    head = f"POST /execute HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + ("Connection: close\r\n" if close else "") + "\r\n").encode() + body


class Connection:
    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)

    async def ask(self, data, pieces=1):
        """Sends data, in so many pieces, and reads one answer."""
        if self.writer is None:
            await self.open()
        size = len(data) // pieces + 1
        for at in range(0, len(data), size):
            if at:
                await asyncio.sleep(0.02)
            self.writer.write(data[at:at + size])
            await self.writer.drain()
        return await self.read()

    async def read(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        answer = Answer(int(head[0].split()[1]), headers, body)
        if headers.get("connection") == "close":
            assert await self.reader.read() == b"", "bytes after the answer"
            await self.close()
        return answer

    async def get(self, path):
        return await self.ask(f"GET {path} HTTP/1.1\r\nHost: load\r\n\r\n".encode())

    async def close(self, reset=False):
        if self.writer is None:
            return
        if reset:
            option = struct.pack("ii", 1, 0)  # the kernel sends a reset instead of an end
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        self.writer.close()
        self.reader = self.writer = None
