"""Who is let in: bearer tokens, where they come from, and when they are read again."""
import os
import signal
import subprocess

import pytest

from support import procs
from support.access import ask, new_token, tokens_of
from support.client import Raw, head
from support.server import BINARY


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
