"""channel: frames between a worker and the server, as include/protocol.h has them. Knows nothing of
what is in them."""

import sys
from posix import _exit as leave
from posix import read, readv, write

FRAME_SCRIPT, FRAME_RUN, FRAME_ARGS, FRAME_STDIN, FRAME_FILE, FRAME_RETURN = 1, 2, 3, 4, 5, 6
FRAME_READY, FRAME_RESULT, FRAME_ERROR = 16, 18, 19
FRAME_FIGURE, FRAME_RETURNED, FRAME_NOTE = 21, 22, 23

EXIT_SETUP = 71
EXIT_PROTOCOL = 70


def receive_bytes(channel, size):
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = readv(channel, [rest])
        if count == 0:
            # The server has gone; between frames it may.
            leave(EXIT_PROTOCOL if len(rest) < size else 0)
        rest = rest[count:]
    return data


def receive(channel):
    header = receive_bytes(channel, 8)
    size = int.from_bytes(header[4:], sys.byteorder)
    return int.from_bytes(header[:4], sys.byteorder), receive_bytes(channel, size)


def frame_of(kind, payload):
    return kind.to_bytes(4, sys.byteorder) + len(payload).to_bytes(4, sys.byteorder) + payload


def send(channel, frame):
    rest = memoryview(frame)
    while rest:
        rest = rest[write(channel, rest) :]
