"""docs/api.md says of every error text what it means: of those in the sources, and of those that scripts and requests provoke here."""
import json
import re
import subprocess

import pytest

from support import error_texts, procs
from support.client import JSON_TYPE, Client, execute_bytes
from support.gauges import until_workers_wait
from support.server import BINARY, TOP

pytestmark = pytest.mark.mode_independent

PAGE = (TOP / "docs" / "api.md").read_text()
GUIDE = PAGE.split("\n## Error guide\n")[1]
NOTES = PAGE.split("\n### What could not come back\n")[1].split("\n### ")[0]
# The harness's short form, that the server replaces; a client that has left hears nothing.
NEVER_SENT = {"Memory limit exceeded", "The client is gone", "is JSON", "not ready", "x"}


def rows(section):
    """The texts in the first column of its tables, as patterns, by what is written there."""
    columns = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `") and not line.startswith("| `error`")]
    found = {}
    for text in re.findall(r"`([^`]+)`", "".join(columns)):
        pattern = re.escape(text).replace(r"\.\.\.", ".*")
        pattern = re.sub(r"NAME", ".*", re.sub(r"\bN(?=\b|s\b|MB\b)", r"(?:[0-9.]+|x)", pattern))
        found[text] = re.compile(pattern, re.S)
    return found


SECTIONS = {name: rows(section) for name, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", GUIDE, re.M | re.S)}
ROWS = {text: pattern for section in SECTIONS.values() for text, pattern in section.items()}


def matching(text, patterns):
    return [row for row, pattern in patterns.items() if pattern.fullmatch(text)]


def body(script="def main():\n    pass\n", **fields):
    return json.dumps({"script": script, **fields}).encode()


def main(*lines):
    return body("def main():\n" + "".join(f"    {line}\n" for line in lines))


def raw(text):
    return ('{"script": "def main(): pass", ' + text + "}").encode()


PROVOKED = {
    "timeout": [body("def main():\n    while True: pass\n", timeout_seconds=0.2)],
    "memory": [main("return len(bytearray(400 << 20))"), main("raise MemoryError")],
    "killed": [main("import os; os.abort()"), main("import os; os.kill(os.getpid(), 9)")],
    "exited": [main("exit()"), main("raise SystemExit(3)"), main("import os; os._exit(3)"), main("import os; os.execv('/bin/true', ['true'])"),
               main("import os; os.closerange(3, 100)"), main("import os, time; os.closerange(3, 100); time.sleep(5)"),
               main("import os, time; os.write(3, bytes(8)); time.sleep(5)")],
    "exception": [main("import nothing_of_that_name"), main("import requests; requests.get('http://a.example')"),
                  main("import socket; socket.socket()"), main("open('/home/me/a.csv')"), main("open('/usr/a.csv', 'w')"),
                  main("open('a', 'wb').write(bytes(11 << 20))"),
                  main("for i in range(9):", "    open(str(i), 'wb').write(bytes(9 << 20))"),
                  main("import os, time", "for i in range(100):", "    if os.fork() == 0: time.sleep(9)"),
                  main("import threading, time", "for i in range(100):", "    threading.Thread(target=time.sleep, args=(9,)).start()"),
                  main("input()"), body("def main(x): pass"), body("def main(): pass\ndel main")],
    "bad_result": [main("return {1}"), main("return object()"), main("return float('nan')"), main("return {(1, 2): 3}"),
                   main("a = []; a.append(a); return a"), main("a = []", "for _ in range(5000): a = [a]", "return a")],
    "output": [main("print('x' * (11 << 20))"), main("return 'x' * (11 << 20)")],
    "no_main": [body("main = 1"), body("class main: pass"), body("def Main(): pass")],
    "syntax_error": [body("def main(:"), body("return 1"), body("def main():\n    return " + "+".join("1" * 20000))],
    "invalid_request": [
        b"", b"{", b"[]", b"{} {}", b"{x}", b'{"script": "\xff"}', b"[" * 70 + b"]" * 70, b"[" + b"0," * 100001 + b"0]", b"{}",
        body(5), body(" "), body("\0"), body("\ud800"), body("#" * 60000), raw('"args": [], "args": []'), body(timeout_seconds="1"),
        body(timeout_seconds=31), body(memory_mb=1), body(args=1), body(args=["x" * (1 << 20)]), raw('"args": [1' + "0" * 5000 + "]"),
        body(args=[1]), body(stdin=1), body(stdin="\ud800"), body(stdin="x" * (11 << 20)), body(files=[]), body(files={"a": 1}), body(files={"a": "-"}),
        body(files={"a": "A" * (15 << 20)}), body(files={"a": "A" * (12 << 20), "b": "A" * (12 << 20)}), body(files={str(n): "" for n in range(300)}),
        *[body(files={name: ""}) for name in ("", "/a", "a//b", "../a", "a" * 256, "a\n", "/".join("abcdefgh" * 3), "a/" * 300 + "a")],
        body(files={"a\0": ""}), body(files={"script.py": ""}), body(files={"a": "", "a/b": ""}), body(return_files="*"), body(return_files=[1]),
        body(return_files=["*"] * 40), body(return_files=["/a"])],
}


@pytest.fixture(scope="module")
def answers(service):
    """The errors that were provoked, by outcome."""
    return {outcome: [service.client.post(sent) for sent in bodies] for outcome, bodies in PROVOKED.items()}


@pytest.mark.parametrize("outcome", PROVOKED)
def test_what_is_provoked_has_its_row(answers, outcome):
    for sent, answer in zip(PROVOKED[outcome], answers[outcome]):
        assert answer.outcome == outcome, (sent[:200], answer)
        assert matching(answer.json["error"], SECTIONS[outcome]), answer


def test_what_is_refused_by_its_head_has_its_row(service, start_server):
    locked = start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
    request, json_type = service.client.request, JSON_TYPE
    for answer in (request("POST", "/execute", body(), {}), request("GET", "/execute"), request("GET", "/nowhere"),
                   request("POST", "/execute", b" " * (33 << 20), json_type), request("POST", "/mcp", b"{}", {**json_type, "Origin": "https://a.example"}),
                   request("POST", "/mcp", b"{}", {**json_type, "MCP-Protocol-Version": "1"}), Client(locked.port).post(body())):
        assert answer.status >= 400 and matching(answer.json["error"], SECTIONS[answer.outcome]), answer


def test_overload_has_its_row(start_server):
    """Of one that finds no room in the queue, and one that waits there for nothing."""
    answers = []
    for flags in (["--queue=0"], ["--queue=1", "--queue-wait-seconds=1"]):
        server = start_server("--slots=1", *flags)
        until_workers_wait(server)
        with server.raw() as first:
            first.send(execute_bytes("import time\ndef main():\n    time.sleep(20)\n"))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            answers.append(server.client.post(body()))
    assert [answer.status for answer in answers] == [503, 503] and answers[0].json != answers[1].json
    for answer in answers:
        assert matching(answer.json["error"], SECTIONS["overloaded"]), answer


def test_every_outcome_has_a_section_and_a_link():
    words = set(re.findall(r'= \{"([a-z_]+)", (?:true|false)\}', (TOP / "src" / "outcome.c").read_text())) - {"success"} | {"unauthorized"}
    assert set(SECTIONS) == words
    assert set(re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", PAGE, re.M)) == words


def test_every_text_of_the_sources_is_in_the_guide():
    errors, _ = error_texts.of_harness()
    texts = (error_texts.of_server() | errors) - NEVER_SENT
    assert len(texts) > 80
    # A text that begins with a small letter may be a part of one.
    missing = [text for text in texts if not matching(text, ROWS) and not (text[0].islower() and text.removeprefix("must not ") in GUIDE)]
    assert missing == []


def test_every_row_of_the_guide_is_a_text_of_the_service(answers):
    """What Python says is in no source: such rows are met by what was provoked, or not at all."""
    errors, _ = error_texts.of_harness()
    texts = error_texts.of_server() | errors | {answer.json["error"] for found in answers.values() for answer in found}
    assert set(ROWS) - {row for text in texts for row in matching(text, ROWS)} == set()
    for outcome in ("exception", "bad_result"):
        met = {row for answer in answers[outcome] for row in matching(answer.json["error"], SECTIONS[outcome])}
        assert set(SECTIONS[outcome]) - met == set()


def test_notes():
    _, notes = error_texts.of_harness()
    written = rows(NOTES)
    assert len(notes) > 8 and [note for note in notes if not matching(note, written)] == []
    assert [row for row in written if not any(matching(note, {row: written[row]}) for note in notes)] == []


def test_its_options_are_the_programs():
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    options = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert options and options <= set(re.findall(r"`(--[a-z-]+)`", said))


def test_its_limits_are_the_defaults():
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    defaults = dict(re.findall(r"^\| `(--[a-z-]+)` \| \S* \| (\d+) \|", said, re.M))
    table = PAGE.split("\n## Limits\n")[1].split("\n## ")[0]
    for limit, option in re.findall(r"^\| [^|]* \| ([\d,]+) [^|]* \| `(--[a-z-]+)`", table, re.M):
        if option != "--input-mb" or limit == "10":  # the request's body is calculated from it
            assert limit.replace(",", "") == defaults[option], option


def constant(path, name):
    """What a source gives this name: a number, or a number shifted."""
    text = (TOP / path).read_text()
    value = re.search(rf"\b{name}\b *=? *(.*?)[,;]? *(?:/\*.*|#.*)?$", text, re.M).group(1)
    number, _, shift = re.sub(r"\(size_t\)|[()u_]", "", value).partition(" << ")
    return int(number) << int(shift or 0)


def test_limits_without_an_option_are_those_of_the_sources():
    harness = "sandbox/harness/"
    values, depth = re.search(r"body_limits = \{.depth = (\d+), .values = (\d+)\}", (TOP / "src/request.c").read_text()).group(2, 1)
    large, requests = constant("src/http_request.c", "LARGE_BYTES") >> 20, constant("src/config_machine.c", "REQUESTS_MOST_MB")
    assert "#define LARGE_BUDGET(all) ((all) / 5 * 4)" in (TOP / "src/http_request.c").read_text()
    assert "memory_mb / 12" in (TOP / "src/config_machine.c").read_text()  # 4/5 of a twelfth: a fifteenth
    figures, files = constant(harness + "figures.py", "FIGURES_MOST"), constant(harness + "returned.py", "FILES_MOST")
    assert (figures, files) == (constant("include/protocol.h", "FIGURES_MOST"), constant("include/protocol.h", "RETURNED_MOST"))
    # A file in so many folders has one part more, as names of a request have.
    parts = constant(harness + "returned.py", "DEPTH_MOST")
    assert parts == constant("include/file_name.h", "FILE_NAME_DEPTH")
    entries, pixels = constant(harness + "returned.py", "ENTRIES_MOST"), constant(harness + "figures.py", "PIXELS_MOST")
    error, traceback = constant("src/answer_body.c", "error_text_bytes") >> 10, constant(harness + "failures.py", "TRACEBACK_BYTES") >> 10
    said = {
        "`args`": f"{constant('include/inputs.h', 'INPUT_ARGS_BYTES') >> 20} MB of JSON, nested {int(depth) - 1} deep",
        "number of `files`": f"{constant('include/inputs.h', 'INPUT_FILES_MOST')}",
        f"large requests (over {large} MB) at once, of all clients": f"{requests // 5 * 4} MB; a fifteenth of the memory where that is less",
        "`return_files`": f"{constant('include/inputs.h', 'INPUT_PATTERNS_MOST')} patterns; {files} files, {parts - 1} folders deep; {entries:,} names looked at",
        "`figures`": f"{figures}, of {pixels // 10 ** 6} million pixels each",
        "an error's text; its traceback": f"{error} KB; {traceback} KB",
        "head of a request": f"{constant('src/http_head.c', 'HEAD_BYTES') >> 10} KB, {constant('src/http_head.c', 'HEAD_FIELDS')} fields and cookies",
        "network, and state between requests": "none",
    }
    table = PAGE.split("\n## Limits\n")[1].split("\n## ")[0]
    assert dict(re.findall(r"^\| (.*?) \| (.*?) \| \|$", table, re.M)) == said
    assert f" {int(values):,} values, nested {depth} deep |" in table
    name_bytes, part_bytes = (constant("include/file_name.h", name) for name in ("FILE_NAME_BYTES", "FILE_NAME_PART_BYTES"))
    assert name_bytes == constant(harness + "returned.py", "NAME_BYTES")
    assert f"It has at most {name_bytes} bytes and {parts} parts of {part_bytes} bytes" in PAGE
    assert f"more than {files} files" in NOTES and f"than {entries:,} names" in NOTES and f"over {pixels // 10 ** 6} million pixels" in NOTES
    assert f"more than {figures}:" in NOTES and f"more than {constant(harness + 'answer.py', 'NOTES_MOST')} notes" in NOTES


def headings(text):
    return [re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in re.findall(r"^#+ (.*)$", text, re.M)]


@pytest.mark.parametrize("name", ["README.md", "docs/api.md"])
def test_links_lead_somewhere(name):
    page = TOP / name
    links = re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", page.read_text())
    assert len(links) > 10
    for path, heading in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not heading or heading in headings(target.read_text()), (path, heading)
