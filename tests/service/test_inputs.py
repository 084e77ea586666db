"""What a request gives beside the script: args, stdin and files."""
import base64
import json

import pytest

from support.client import head


def b64(data):
    return base64.b64encode(data).decode()


def result_of(answer):
    assert answer.status == 200, answer
    assert set(answer.json) == {"result", "stdout"}, answer
    return answer.json["result"]


def refused(answer, *words):
    """A 400 of the request; its text has these words."""
    assert (answer.status, answer.outcome) == (400, "invalid_request"), answer
    assert all(word in answer.json["error"] for word in words), answer
    return answer


# ---- args ----

TAKES_ALL = "def main(*args, **named):\n    return [args, named, [type(value).__name__ for value in args]]\n"


def test_an_object_is_keywords(service):
    assert result_of(service.execute("def main(a, *, b=2):\n    return [a, b]\n", args={"b": 5, "a": [1]})) == [[1], 5]


def test_an_array_is_positions(service):
    assert result_of(service.execute("def main(a, b, /):\n    return [b, a]\n", args=[1, {"x": None}])) == [{"x": None}, 1]


@pytest.mark.parametrize("args", [[], {}])
def test_empty_args_are_no_args(service, args):
    assert result_of(service.execute("def main():\n    return 1\n", args=args)) == 1


def test_main_may_be_async_or_decorated(service):
    assert result_of(service.execute("async def main(a):\n    return a\n", args=[3])) == 3
    script = "import functools\n@functools.lru_cache\ndef main(a):\n    return a\n"
    assert result_of(service.execute(script, args={"a": 4})) == 4


@pytest.mark.parametrize("text", [
    "[12345678901234567890123, -0, 0.1, 1e400, -0.0, 1E2, 2.50]", '["\\ud83d\\ude00", "\\u0000", "\\ud800", "é"]',
    '{"a": 1, "a": 2}', '{"": {"": []}, "class": true}', "[" + "9" * 4300 + "]", "[" * 63 + "]" * 63,
])
def test_values_are_those_of_json_loads(service, text):
    script = f"import json\nTEXT = {text!r}\n" + TAKES_ALL + "def check(got):\n    want = json.loads(TEXT)\n    return repr(got) == repr(want)\n"
    script += "def main(*args, **named):\n    return check(named if TEXT[0] == '{' else list(args))\n"
    body = json.dumps({"script": script})[:-1] + ', "args": ' + text + "}"
    assert result_of(service.client.post(body.encode())) is True


WRAPPED = """
import functools
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **named):
        %s
    return wrapper

@logged
@logged
def main(a, b=2):
    %s
"""


@pytest.mark.parametrize("args, words", [({"c": 1}, "unexpected keyword argument 'c'"), ([], "missing 1 required positional argument: 'a'"),
                                         ([1, 2, 3], "takes from 1 to 2 positional arguments but 3 were given")])
def test_a_mismatch_behind_a_decorator(service, args, words):
    answer = service.execute(WRAPPED % ("return function(*args, **named)", "return a"), args=args)
    refused(answer, "Field 'args' does not fit main(): main() ", words)


@pytest.mark.parametrize("call, line", [("return function()", "return a"), ("return function(*args, **named)", "return main.__wrapped__()"),
                                        ("return function(*args, **named)", "raise TypeError('main() is not well')"),
                                        ("raise TypeError('main() is not well')", "return a")])
def test_a_fault_of_the_decorator_or_of_main_is_no_mismatch(service, call, line):
    answer = service.execute(WRAPPED % (call, line), args=[1])
    assert answer.outcome == "exception" and answer.json["error"].startswith("TypeError: main() "), answer
    assert "in wrapper" in answer.json["traceback"]


MISMATCHES = {  # name: signature, args, words of the error
    "unknown keyword": ("a=1", {"z": 1}, ["main()", "'z'"]),
    "missing": ("a, b", {"a": 1}, ["main()", "'b'"]),
    "missing of several": ("a, b, c", [1], ["'b'", "'c'"]),
    "too many": ("a", [1, 2], ["main()", "2"]),
    "none taken": ("", {"a": 1}, ["'a'"]),
    "position only": ("a, /", {"a": 1}, ["'a'"]),
    "keyword only": ("*, a", [1], ["main()"]),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_mismatch_says_which_parameter(service, name):
    signature, args, words = MISMATCHES[name]
    answer = refused(service.execute(f"print('loaded')\ndef main({signature}):\n    return 1\n", args=args), "Field 'args'", *words)
    assert answer.json["stdout"] == "loaded\n"


def test_a_type_error_of_the_script_is_its_own(service):
    answer = service.execute("def inner(): pass\ndef main(a):\n    inner(a)\n", args=[1])
    assert answer.outcome == "exception" and "line 3, in main" in answer.json["traceback"], answer


def test_an_integer_that_python_does_not_read(service):
    body = json.dumps({"script": "print('ran')\ndef main(a): return 1\n"})[:-1] + ', "args": [' + "9" * 5000 + "]}"
    answer = refused(service.client.post(body.encode()), "Field 'args'", "4300")
    assert answer.json["stdout"] == ""


@pytest.mark.parametrize("value", [None, 1, "x", True])
def test_args_of_a_wrong_type(service, value):
    refused(service.execute("def main(): pass", args=value), "'args'", "object or an array")


def test_args_nested_too_deeply_or_too_long(service):
    body = json.dumps({"script": "def main(a): pass"})[:-1] + ', "args": ' + "[" * 100_000 + "]" * 100_000 + "}"
    refused(service.client.post(body.encode()), "nested too deeply", "64")
    refused(service.execute("def main(a): pass", args=["x" * 1_100_000]), "'args'", "1048576")


# ---- stdin ----

READERS = {
    "sys.stdin": "import sys\n    return sys.stdin.read()",
    "input()": "lines = []\n    try:\n        while True: lines.append(input())\n    except EOFError: pass\n    return ''.join(line + '\\n' for line in lines)",
    "os.read": "import os\n    return os.read(0, 1000).decode()",
    "child": "import subprocess\n    return subprocess.run(['cat'], stdout=subprocess.PIPE, text=True).stdout",
    "by name": "return open('/dev/stdin').read()",
    "lines": "import sys\n    return ''.join(sys.stdin)",
    "C": "import ctypes\n    buffer = ctypes.create_string_buffer(1000)\n    n = ctypes.CDLL(None).read(0, buffer, 1000)\n    return buffer.raw[:n].decode()",
}


@pytest.mark.parametrize("name", READERS)
def test_stdin_is_descriptor_0(service, name):
    script = f"def main():\n    {READERS[name]}\n"
    assert result_of(service.execute(script, stdin="one\nzwei é\n")) == "one\nzwei é\n"


@pytest.mark.parametrize("fields", [{}, {"stdin": ""}])
def test_without_it_there_is_nothing_to_read(service, fields):
    script = "import os, sys\ndef main():\n    return [sys.stdin.read(), os.read(0, 9).decode()]\n"
    assert result_of(service.execute(script, **fields)) == ["", ""]


def test_a_large_one_blocks_nobody(service):
    text = "0123456789abcde\n" * 655_360
    script = "import hashlib, os, sys\ndef main():\n    print(sorted(os.listdir()))\n    return hashlib.sha256(sys.stdin.buffer.read()).hexdigest()\n"
    answer = service.execute(script, stdin=text)
    assert answer.json["result"] == __import__("hashlib").sha256(text.encode()).hexdigest(), answer
    assert answer.json["stdout"] == "['script.py']\n"
    assert result_of(service.execute("def main(): return 1", stdin=text)) == 1  # nobody reads it
    refused(service.execute("def main(): return 1", stdin=text + "x"), "'stdin'", "10485761", "10485760")


def test_nul_and_escapes_arrive(service):
    text = "a\0b\\\"/\b\f\r\n\t\u0001é€😀"
    script = "import sys\ndef main(): return list(sys.stdin.buffer.read())\n"
    body = json.dumps({"script": script, "stdin": text})
    assert bytes(result_of(service.client.post(body.encode()))).decode() == text
    body = json.dumps({"script": script, "stdin": text}, ensure_ascii=False)
    assert bytes(result_of(service.client.post(body.encode()))).decode() == text


@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_stdin_of_a_wrong_type(service, value):
    refused(service.execute("def main(): pass", stdin=value), "'stdin'", "string")
    body = json.dumps({"script": "def main(): pass"})[:-1] + ', "stdin": "\\ud800"}'
    refused(service.client.post(body.encode()), "'stdin'", "surrogate")


# ---- files ----

LIST = """
import os, stat
def main():
    found = {}
    for folder, _, names in os.walk('.'):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name))
            assert stat.S_ISREG(os.lstat(path).st_mode)
            found[path] = open(path, 'rb').read().hex()
    del found['script.py']
    return found
"""


def test_files_are_in_the_working_directory(service):
    files = {"a.csv": b"x,y\n1,2\n", "data/b.bin": bytes(range(256)), "data/deep/c": b"", "ü €.txt": b"\xff",
             ".hidden": b"1", ".stdin": b"2", "data.txt": b"3", "a b": b"45", "-": b"456"}
    answer = service.execute(LIST, files={name: b64(data) for name, data in files.items()}, stdin="x")
    assert result_of(answer) == {name: data.hex() for name, data in files.items()}


def test_files_can_be_imported_and_written(service):
    script = "import helper\ndef main():\n    open('t', 'a').write('2')\n    return [helper.N, open('t').read()]\n"
    assert result_of(service.execute(script, files={"helper.py": b64(b"N = 7"), "t": b64(b"1")})) == [7, "12"]


def test_nothing_of_it_is_left_for_the_next(service):
    service.execute("def main(): return 1", files={"left.txt": b64(b"x")}, stdin="left")
    for _ in range(8):
        script = "import os, sys\ndef main(): return [os.listdir(), sys.stdin.read()]\n"
        assert result_of(service.execute(script)) == [["script.py"], ""]


NAMES = ["", ".", "..", "../x", "a/../x", "/x", "/", "a/", "a//b", "./a", "a/.", "a\0b", "x" * 256, "a/" * 16 + "a", "\n", "a\x7f",
         "/".join(["y" * 200] * 3), "script.py", "script.py/x"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_refused(service, name):
    refused(service.execute(LIST, files={name: b64(b"x")}), "'files'")


@pytest.mark.parametrize("one, other", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_names_in_each_others_way(service, one, other):
    refused(service.execute(LIST, files={one: "", other: ""}), "'files'", one, other)


def test_a_name_twice(service):
    body = json.dumps({"script": LIST})[:-1] + ', "files": {"a": "", "\\u0061": "QQ=="}}'
    refused(service.client.post(body.encode()), "'files'", "'a'")


NOT_BASE64 = ["Q", "QQ", "QQ=", "QQ===", "=", "====", "Q===", "QR==", "QUJ=", "QQ==QQ==", "QQ\n==", " QQ==", "Q-_=", "QQ=A", "Qé==", "Q\0=="]


@pytest.mark.parametrize("text", NOT_BASE64)
def test_what_is_not_strict_base64(service, text):
    refused(service.execute(LIST, files={"a": text}), "'files'", "'a'", "base64")


def test_base64_may_have_escapes(service):
    body = json.dumps({"script": LIST})[:-1] + ', "files": {"a": "\\/\\u002f8\\u003d"}}'
    assert result_of(service.client.post(body.encode())) == {"a": "ffff"}


@pytest.mark.parametrize("value", [None, 1, "x", [], {"a": 1}, {"a": None}, {"a": ["QQ=="]}])
def test_files_of_a_wrong_type(service, value):
    refused(service.execute(LIST, files=value), "'files'")


def test_ten_megabytes_in_all(service):
    whole, half = b64(bytes(10 << 20)), b64(bytes(5 << 20))
    script = "import os\ndef main():\n    return sum(os.path.getsize(name) for name in os.listdir() if name != 'script.py')\n"
    assert result_of(service.execute(script, files={"a": whole})) == 10 << 20
    assert result_of(service.execute(script, files={"a": half, "b": half})) == 10 << 20
    refused(service.execute(script, files={"a": b64(bytes((10 << 20) + 1))}), "'files'", "'a'", "10485761", "10485760")
    refused(service.execute(script, files={"a": half, "b": half, "c": "QQ=="}), "'files'", "10485760", "in all")


def test_as_many_as_256(service):
    script = "import os\ndef main(): return len(os.listdir()) - 1\n"
    assert result_of(service.execute(script, files={str(n): "" for n in range(256)})) == 256
    refused(service.execute(script, files={str(n): "" for n in range(257)}), "'files'", "256")
    many = {str(n): "" for n in range(100_000)}
    assert any(refused(service.execute(script, files=many), "100000").seconds < 2 for _ in range(6))  # the machine may stand still


def test_files_that_do_not_fit(start_server):
    small = start_server("--slots=1", "--scratch-mb=2", "--file-mb=2")
    answer = small.execute("print('ran')\ndef main(): return 1", files={name: b64(bytes(1_500_000)) for name in "ab"})
    if "private-root" in small.layers:
        refused(answer, "'files'")
        assert answer.json["stdout"] == ""
    assert small.execute("def main(): return 1").status == 200


def test_the_body_has_a_limit(service):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Content_Length=(32 << 20) + 1) + b"{")
        answer = raw.read_answer()
    assert (answer.status, answer.outcome) == (413, "invalid_request"), answer
    assert "size" in answer.json["error"] and "33554432" in answer.json["error"]


@pytest.mark.parametrize("field", ["args", "stdin", "files", "return_files"])
def test_a_field_twice(service, field):
    value = {"args": "[]", "stdin": '""', "files": "{}", "return_files": "[]"}[field]
    body = json.dumps({"script": "def main(): pass"})[:-1] + f', "{field}": {value}, "{field}": {value}}}'
    refused(service.client.post(body.encode()), f"'{field}'", "more than once")
