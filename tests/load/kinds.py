"""What the load consists of: scripts of many kinds, each with the one answer that is right for it. A nonce
goes in and its consequence comes out, so that a wrong or a swapped answer is seen.

Must not send anything.
"""
import hashlib
import json

TIMEOUT_SECONDS = 10  # of the service: a busy machine takes seconds to fill a script's memory
BIG = 2_000_000


class Kind:
    def __init__(self, weight, source, outcome, check=None):
        """weight: of a thousand. check(json, nonce): beyond the outcome."""
        self.weight, self.source, self.outcome, self.check = weight, source, outcome, check or (lambda *_: True)

    def body(self, nonce):
        source = self.source.replace("NONCE", str(nonce))
        return json.dumps({"script": source}).encode() if source else b'{"script": %d}' % nonce

    def is_right(self, answer, nonce):
        """answer: with status, outcome, json."""
        wanted = 200 if self.outcome == "success" else 400
        return answer.status == wanted and answer.outcome == self.outcome and self.check(answer.json, nonce)


def main(*lines, before=""):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


def returns(json, nonce):
    return json["result"] == [nonce, nonce * nonce % 1_000_003] and set(json) == {"result", "stdout"} and json["stdout"] == ""


def prints(json, nonce):
    return json["result"] is None and json["stdout"] == f"out {nonce}\n" * 20 and json["stderr"] == f"err {nonce}\n"


def big(json, nonce):
    return json["stdout"] == "" and json["result"] == hashlib.sha256(str(nonce).encode()).hexdigest() * (BIG // 64)


def error_says(*texts):
    return lambda json, nonce: all(text.replace("NONCE", str(nonce)) in json["error"] for text in texts)


RESULT = "return [NONCE, NONCE * NONCE % 1_000_003]"
KINDS = {
    "result": Kind(600, main(RESULT), "success", returns),
    "imports": Kind(60, "import numpy as np\n" + main("a = np.full(3, NONCE, dtype=object)", "return [int(a[0]), int(a[1] * a[2] % 1_000_003)]"),
                    "success", returns),
    "prints": Kind(90, main("for _ in range(20): print('out', NONCE)", "print('err', NONCE, file=sys.stderr)", before="import sys\n"),
                   "success", prints),
    "exception": Kind(60, main("raise ValueError('no NONCE')"), "exception",
                      lambda json, nonce: json["error"] == f"ValueError: no {nonce}" and "line 2" in json["traceback"]),
    "syntax error": Kind(30, "def main(:\n    return NONCE\n", "syntax_error", error_says("SyntaxError", "line 1")),
    "no main": Kind(20, "x = NONCE\n", "no_main"),
    "exit": Kind(20, main("sys.exit('NONCE')", before="import sys\n"), "exited"),
    "hard exit": Kind(20, main("print(NONCE, flush=True)", "os._exit(3)", before="import os\n"), "exited",
                      lambda json, nonce: "status 3" in json["error"] and json["stdout"] == f"{nonce}\n"),
    "crash": Kind(10, main("os.abort()", before="import os\n"), "killed", error_says("SIGABRT")),
    "not JSON": Kind(10, main("return {1, NONCE}"), "bad_result"),
    "daemons": Kind(30, main("subprocess.Popen(['sleep', '60'], start_new_session=True)", "threading.Thread(target=time.sleep, args=(60,)).start()",
                             RESULT, before="import subprocess, threading, time\n"), "success", returns),
    "big": Kind(8, main(f"return hashlib.sha256(b'NONCE').hexdigest() * ({BIG} // 64)", before="import hashlib\n"), "success", big),
    "too much output": Kind(3, main("while True: print('NONCE' * 1000)"), "output"),
    "too much memory": Kind(4, main("print(NONCE, flush=True)", "x = bytearray(400_000_000)", "return len(x)"), "memory",
                            lambda json, nonce: json["stdout"] == f"{nonce}\n"),
    "time-out": Kind(0.5, main("print(NONCE, flush=True)", "time.sleep(60)", before="import time\n"), "timeout",
                     lambda json, nonce: json["stdout"] == f"{nonce}\n" and f"{TIMEOUT_SECONDS}s" in json["error"]),
    "fills its disk": Kind(5, main("try:", "    for n in range(20): open(str(n), 'wb').write(bytes(9 << 20))",
                                   "except OSError as error:", "    assert error.errno == errno.ENOSPC, error", f"    {RESULT}",
                                   before="import errno\n"), "success", returns),
    "many processes": Kind(4, main("try:", "    for _ in range(200):", "        if os.fork() == 0: time.sleep(60)", "except BlockingIOError:", f"    {RESULT}",
                                   before="import os, time\n"), "success", returns),
    "bad request": Kind(15, "", "invalid_request", error_says("script")),
}
assert sum(kind.weight for kind in KINDS.values()) <= 1000
