"""The examples of a page of documentation: commands and programs in fenced blocks, and the answer that stands after each.

Must not know how they are run; the tests do.
"""
import json
import re

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
URL = "http://localhost:8080"
PROGRAMS = ("python", "javascript")
# What is different each time: times, and ids that the service has made.
CHANGING = ((re.compile(r"dur=[0-9]+\.[0-9]+"), "dur=TIME"), (re.compile(r"\b[0-9a-f]{32}\b"), "ID"))


class Example:
    """language: bash, python or javascript; kind: json or text, of the answer."""

    def __init__(self, language, source, kind, answer):
        self.language, self.source, self.kind, self.answer = language, source, kind, answer

    @property
    def needs_token(self):
        return "TOKEN" in self.source

    def for_port(self, port):
        assert URL in self.source, self.source
        return self.source.replace(URL, f"http://127.0.0.1:{port}")

    def says(self, printed):
        """Is this what the page shows? Raises AssertionError if it is not."""
        if self.kind == "json":
            assert json.loads(printed) == json.loads(self.answer)
        else:
            assert steady(printed) == steady(self.answer)


def steady(text):
    text = text.replace("\r\n", "\n")
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text


def examples_of(text):
    """Every program and every block that begins with curl; each must have its answer in the next block."""
    blocks, found = BLOCK.findall(text), []
    for number, (language, source) in enumerate(blocks):
        if language not in PROGRAMS and not source.startswith("curl "):
            continue
        kind, answer = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
        assert kind in ("json", "text"), f"no answer after {source}"
        found.append(Example(language, source, kind, answer))
    return found
