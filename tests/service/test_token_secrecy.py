"""No script finds a token of the service: not in memory, not in files, not in /proc."""
import contextlib
import hashlib
import json
import re

import pytest

from support import procs
from support.access import new_token
from support.client import Client

SEARCH = """
import ctypes, glob, hashlib, os, re, sys
WANTED = {wanted!r}
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
places, seen = [], 0

def look(where, data):
    for run in re.finditer(rb"[A-Za-z0-9]{{40,}}", data):
        for start in range(len(run[0]) - 39):
            if hashlib.sha256(run[0][start:start + 40]).hexdigest() in WANTED:
                places.append(where)

def memory():
    global seen
    reader, writer = os.pipe()
    for line in open("/proc/self/maps").read().splitlines():
        words = line.split()
        if "r" not in words[1] or line.endswith(("[vvar]", "[vsyscall]")):
            continue
        start, end = (int(part, 16) for part in words[0].split("-"))
        data = b""
        for at in range(start, end, 65536):
            size = LIBC.write(writer, at, min(65536, end - at))
            data += os.read(reader, size) if size > 0 else b""
        seen += len(data)
        look("memory", data)

def main():
    mine = hashlib.sha256(os.urandom(9)).hexdigest()[:40]
    WANTED.add(hashlib.sha256(mine.encode()).hexdigest())
    memory()
    control = places[:]
    places.clear()
    look("environment", repr(os.environ).encode())
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/mem") + [{path!r}]:
        try:
            with open(path, "rb") as file:
                look(path, file.read(1 << 20))
        except OSError:
            pass
    return control, places, seen
"""
NO_WALLS = "--without=namespaces,network-namespace,private-root,private-proc,cgroup,unique-uid"


@pytest.mark.parametrize("flags", [(), (NO_WALLS,)], ids=["all layers", "shared root and uid"])
@pytest.mark.parametrize("source", ["file", "environment"])
def test_no_script_finds_a_token(start_server, tmp_path, flags, source):
    token, path = new_token(), tmp_path / "tokens"
    path.write_text(token)
    path.chmod(0o600)
    given = (f"--token-file={path}",) if source == "file" else ()
    server = start_server("--slots=1", *flags, *given, environment={"CODE_RUNNER_TOKENS": token} if not given else None)
    for pid in (server.pid, *procs.descendants(server.pid)):
        for name in ("environ", "cmdline"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/{name}", "rb") as file:  # it has ended
                assert token.encode() not in file.read(), (pid, name)
    script = SEARCH.format(wanted={hashlib.sha256(token.encode()).hexdigest()}, path=str(path))
    body = json.dumps({"script": script}).encode()
    answer = Client(server.port).post(body, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
    assert answer.status == 200, answer
    control, places, seen = answer.json["result"]
    assert set(control) == {"memory"} and seen > 1 << 20, "the search finds what is there"
    assert len(control) < 20 and places == [], places
    assert search_memory_of(server.server_pid(), token), "the search's object exists"
    assert not search_memory_of(server.zygote_pid(), token)
    assert token not in server.log()


def search_memory_of(pid, token):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if not re.match(r"\S+ rw", line) or end - start > 1 << 30:  # a sanitizer's shadow
                continue
            try:
                memory.seek(start)
                if token.encode() in memory.read(end - start):
                    return True
            except OSError:
                pass
    return False
