"""The files of the playground page: types, headers, who may have them. What the page does is tried in tests/web."""
import re

import pytest

from support.client import Client, Raw, head
from support.server import TOP

pytestmark = pytest.mark.mode_independent

TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "txt": "text/plain"}
OURS = sorted(f"/assets/{path.name}" for path in (TOP / "web").iterdir() if path.suffix in (".js", ".css", ".txt"))
PATHS = ["/", *OURS, "/assets/codemirror.js", "/assets/codemirror.css", "/assets/codemirror-python.js"]
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "data:", "connect-src": "'self'",
          "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}


@pytest.mark.parametrize("path", PATHS)
def test_file(service, path):
    answer = service.client.get(path)
    assert answer.status == 200 and len(answer.body) > 100, answer
    kind = TYPES["html" if path == "/" else path.rpartition(".")[2]]
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")) == POLICY
    assert len(answer.headers.get_all("Content-Security-Policy")) == 1


def test_bytes_are_those_of_the_sources(service):
    for path in OURS:
        assert service.client.get(path).body == (TOP / "web" / path.rpartition("/")[2]).read_bytes()
    assert service.client.get("/").body == (TOP / "web" / "index.html").read_bytes()


def test_every_file_that_is_named_is_there(service):
    named = set()
    for path in ["/", *OURS]:
        text = service.client.get(path).body.decode()
        named |= set(re.findall(r'(?:src|href)="(/[^"]*)"', text))
        named |= {f"/assets/{name}" for name in re.findall(r"^import .* from '\./([^']*)';$", text, re.M)}
    assert named == set(PATHS) - {"/"}


def test_nothing_is_loaded_from_elsewhere_or_inline(service):
    page = service.client.get("/").body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""] * 3
    for path in ["/", *(path for path in OURS if not path.endswith(".txt"))]:
        text = service.client.get(path).body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text.replace("${origin}", ""), path


def test_head_has_the_headers_only(service):
    with Raw(service.port) as raw:
        for path in PATHS:
            raw.send(head("HEAD", path))
            answer, got = raw.read_answer(with_body=False), service.client.get(path)
            assert answer.status == 200 and int(answer.headers["Content-Length"]) == len(got.body)
            assert {name: answer.headers[name] for name in ("Content-Type", "ETag")} == {
                name: got.headers[name] for name in ("Content-Type", "ETag")}


def test_browsers_ask_whether_it_changed(service):
    seen = {}
    for path in PATHS:
        first = service.client.get(path)
        assert first.headers["Cache-Control"] == "no-cache"
        seen[path] = first.headers["ETag"]
        for wanted, status in ((first.headers["ETag"], 304), (f'W/{first.headers["ETag"]}', 304), ("*", 304),
                               (f'"x", {first.headers["ETag"]}', 304), ('"x"', 200), (first.headers["ETag"].strip('"'), 200)):
            answer = service.client.request("GET", path, headers={"If-None-Match": wanted})
            assert answer.status == status, (path, wanted)
            assert answer.headers["ETag"] == first.headers["ETag"]
            assert answer.body == (first.body if status == 200 else b"")
    assert len(set(seen.values())) == len(PATHS)


def test_a_304_keeps_the_connection_in_step(service):
    tag = service.client.get("/").headers["ETag"]
    with Raw(service.port) as raw:
        for _ in range(3):
            raw.send(head("GET", "/", If_None_Match=tag))
            answer = raw.read_answer(with_body=False)
            assert answer.status == 304
            raw.send(head("GET", "/health"))
            assert raw.read_answer().json == {"status": "healthy"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(service, method):
    for path in ("/", "/assets/page.js"):
        answer = service.client.request(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
        assert answer.outcome == "invalid_request"


@pytest.mark.parametrize("path", ["/assets", "/assets/", "/assets/nothing.js", "/assets/../page.js", "/assets/page.js/", "/index.html",
                                  "/assets//page.js", "/assets/PAGE.js", "/assets/embedded.S", "//"])
def test_other_paths(service, path):
    answer = service.client.get(path)
    assert answer.status == 404 and answer.json == {"error": "Not found", "outcome": "invalid_request"}
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers


def test_open_without_a_token(start_server, tmp_path):
    path = tmp_path / "tokens"
    path.write_text("token-of-this-test")
    path.chmod(0o600)
    client = Client(start_server("--slots=1", f"--token-file={path}").port)
    for path in PATHS:
        assert client.get(path).status == 200
    assert client.request("POST", "/").status == 405
    for path in ("/assets/", "/assets/nothing.js", "/index.html"):
        assert client.get(path).status == 401
    assert client.execute("def main(): pass").status == 401


def test_counted_as_the_page(start_server):
    client = Client(start_server("--slots=1").port)
    client.get("/")
    client.get("/assets/page.js")
    client.get("/assets/nothing.js")
    text = client.get("/metrics").body.decode()
    assert 'code_runner_http_requests_total{code="200",target="page"} 2\n' in text
    assert 'code_runner_http_requests_total{code="404",target="other"} 1\n' in text
