"""Who is let in: bearer tokens, web origins, and the headers that keep an answer to the one who asked."""
import contextlib
import hashlib
import json
import os
import re
import secrets
import signal
import string
import subprocess

import pytest

from support import procs
from support.client import Client, Raw, head
from support.server import BINARY

SCRIPT = json.dumps({"script": "def main(): return 1"}).encode()
ORIGIN = "https://a.example"
SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


def new_token():
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def ask(server, token=None, method="POST", path="/execute", **headers):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = SCRIPT if method == "POST" else None
    return Client(server.port).request(method, path, body, {"Content-Type": "application/json", **headers})


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text(f"# two, for rotation\n{new_token()}\n\n{new_token()}\n")
    path.chmod(0o600)
    return path


def tokens_of(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def guarded(start_server, token_file):
    return start_server("--slots=1", f"--token-file={token_file}")


def test_each_token_opens_and_nothing_else_does(guarded, token_file):
    for token in tokens_of(token_file):
        assert ask(guarded, token).json["result"] == 1
    first = tokens_of(token_file)[0]
    for wrong in (None, "", "x", first[:-1], first + "x", first.swapcase(), first + "," + first, "x" * 5000):
        answer = ask(guarded, wrong)
        assert (answer.status, answer.outcome) == (401, "unauthorized"), wrong
        assert answer.headers["WWW-Authenticate"] == "Bearer" and "Bearer" in answer.json["error"]
        assert first not in str(answer)


@pytest.mark.mode_independent
def test_only_probes_and_the_page_are_open(guarded, token_file):
    assert ask(guarded, method="GET", path="/health").json == {"status": "healthy"}
    assert ask(guarded, method="GET", path="/ready").status == 200
    assert ask(guarded, method="GET", path="/").status == 200
    for method, path in (("POST", "/nowhere"), ("GET", "/metrics"), ("GET", "/nowhere"), ("GET", "/execute"), ("OPTIONS", "/execute"),
                         ("GET", "/health/"), ("GET", "/health?x"), ("GET", "/healthx"), ("GET", "//health")):
        answer = ask(guarded, method=method, path=path)
        assert answer.status == (200 if path == "/health?x" else 401), (method, path, answer)
    assert ask(guarded, tokens_of(token_file)[0], "GET", "/nowhere").status == 404


@pytest.mark.mode_independent
@pytest.mark.parametrize("framing", ["Content-Length: 900000", "Transfer-Encoding: chunked"])
def test_refused_before_the_body_is_read(guarded, framing):
    with Raw(guarded.port) as raw:
        raw.send(head(Content_Type="application/json")[:-2] + framing.encode() + b"\r\n\r\n")
        answer = raw.read_answer()
        assert answer.status == 401 and raw.at_end()


@pytest.mark.mode_independent
def test_connection_is_kept_without_a_body(guarded):
    with Raw(guarded.port) as raw:
        for _ in range(3):
            raw.send(head("GET", "/nowhere"))
            assert raw.read_answer().status == 401


@pytest.mark.mode_independent
def test_tokens_are_read_again(start_server, tmp_path):
    path, old, new = tmp_path / "tokens", new_token(), new_token()
    path.write_text(old)
    server = start_server("--slots=1", f"--token-file={path}")
    path.write_text(f"{old}\n{new}\n")
    assert ask(server, new).status == 401  # the control: only when it is told
    os.kill(server.pid, signal.SIGHUP)
    procs.poll(lambda: ask(server, new).status == 200, 5, "the new token opens")
    path.write_text(new)
    os.kill(server.pid, signal.SIGHUP)
    procs.poll(lambda: ask(server, old).status == 401, 5, "the old token does not open any more")
    path.write_text("not a token")
    os.kill(server.pid, signal.SIGHUP)
    procs.poll(lambda: "line 1" in server.log(), 5, "a bad file is told")
    assert ask(server, new).status == 200 and ask(server, "not").status == 401
    os.kill(server.server_pid(), signal.SIGKILL)
    procs.poll(lambda: server_is_back(server), 10, "the server is back")
    assert ask(server).status == 401 and ask(server, new).status == 200
    assert old not in server.log() and new not in server.log()


def test_sighup_without_a_file_changes_nothing(start_server):
    """Not an end without a drain, which is what it means to a process that does not take it."""
    server = start_server("--slots=1")
    os.kill(server.pid, signal.SIGHUP)
    procs.poll(lambda: "SIGHUP: there is no --token-file" in server.log() or server.process.poll() is not None, 5, "it is told")
    assert server.process.poll() is None and ask(server).status == 200


def server_is_back(server):
    try:
        return server.client.get("/ready").status == 200
    except OSError:
        return False


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


def refusal(*flags, **environment):
    done = subprocess.run([BINARY, "--port=1", *flags], capture_output=True, text=True, timeout=20,
                          env={**os.environ, **environment})
    assert done.returncode == 2, done
    return done.stderr


@pytest.mark.mode_independent
def test_bad_tokens_stop_the_start(tmp_path):
    path = tmp_path / "tokens"
    assert "--token-file: No such file" in refusal(f"--token-file={path}")
    for text, says in (("", "there is no token"), ("# none\n", "there is no token"), ("a b", "line 1"), ("a\n\u00e4", "line 2"),
                       ("x" * 257, "at most 256"), ("x\n" * 33, "more than 32"), ("#" * 70000, "64 KiB")):
        path.write_text(text)
        said = refusal(f"--token-file={path}")
        assert "--token-file: " in said and says in said, said
    assert "--token-file: it is not a regular file" in refusal(f"--token-file={tmp_path}")
    assert "CODE_RUNNER_TOKENS: there is no token" in refusal(CODE_RUNNER_TOKENS="")
    said = refusal(CODE_RUNNER_TOKENS="good,se cret")
    assert "CODE_RUNNER_TOKENS: token 2" in said and "cret" not in said
    path.write_text("x")
    assert "CODE_RUNNER_TOKENS" in refusal(f"--token-file={path}", CODE_RUNNER_TOKENS="y")
    assert "CODE_RUNNER_TOKEN_FILE" in refusal(CODE_RUNNER_TOKEN_FILE="")


@pytest.mark.mode_independent
def test_a_file_that_all_can_read_is_told(start_server, tmp_path, guarded):
    path = tmp_path / "tokens"
    path.write_text("x")
    path.chmod(0o644)
    assert "every user" in start_server("--slots=1", f"--token-file={path}").log()
    assert "every user" not in guarded.log()


@pytest.fixture(scope="module")
def shared_with(start_server, token_file):
    return start_server("--slots=1", f"--cors-origin={ORIGIN},http://localhost:3000", f"--token-file={token_file}")


def preflight(server, origin=ORIGIN, path="/execute"):
    return ask(server, None, "OPTIONS", path, Origin=origin, **{"Access-Control-Request-Method": "POST"})


@pytest.mark.mode_independent
def test_named_origins_may_ask(shared_with, token_file):
    answer = preflight(shared_with)
    assert answer.status == 204 and answer.body == b"" and answer.headers["Vary"] == "Origin"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    for token, status in ((tokens_of(token_file)[0], 200), ("wrong", 401)):
        answer = ask(shared_with, token, Origin=ORIGIN)
        assert answer.status == status and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert {"Server-Timing", "X-Request-Id", "Retry-After"} == set(
            answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.mode_independent
@pytest.mark.parametrize("origin", ["https://b.example", "null", ORIGIN + ".evil", "http://a.example", ORIGIN.upper(), ""])
def test_other_origins_may_not(shared_with, token_file, origin):
    assert preflight(shared_with, origin).status == 401
    for answer in (preflight(shared_with, origin), ask(shared_with, tokens_of(token_file)[0], Origin=origin),
                   ask(shared_with, method="GET", path="/health", Origin=origin)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.mode_independent
def test_no_origin_unless_named(service):
    answer = preflight(service)
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    answer = ask(service, Origin=ORIGIN)
    assert answer.status == 200 and "Vary" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.mode_independent
def test_every_origin(start_server):
    server = start_server("--slots=1", "--cors-origin=*")
    for answer in (preflight(server, "https://whoever.example"), ask(server, Origin="null")):
        assert answer.status in (200, 204) and answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in ask(server).headers


@pytest.mark.mode_independent
def test_safe_headers_on_every_answer(service, guarded, shared_with):
    big = json.dumps({"script": "def main(): return 'x' * 100000"}).encode()
    answers = [ask(service, method="GET", path="/health"), ask(service, method="GET", path="/ready"), ask(service), service.client.post(big),
               service.client.post(b"{"), ask(service, method="GET", path="/nowhere"), ask(service, method="PUT"), ask(guarded),
               preflight(shared_with)]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 400, 404, 405, 401, 204]
    for answer in answers:
        assert {name: answer.headers[name] for name in SAFE} == SAFE, answer
        assert len(answer.headers.get_all("Cache-Control")) == 1
