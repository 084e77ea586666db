"""The limit: the scripts in an interpreter that has everything loaded already, with no sandbox and no service.

Reads lines "name count" and answers each with a line of JSON: what each of count runs took in microseconds
(compile, run the module, main, json.dumps), and the last answer. Must not print anything else.
"""
import json
import pathlib
import sys
import time
import warnings

SCRIPTS = pathlib.Path(__file__).with_name("scripts")


def run(source):
    names = {"__name__": "script"}
    exec(compile(source, "script.py", "exec"), names)
    return json.dumps(names["main"]())


def main():
    warnings.simplefilter("ignore")
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SCRIPTS.glob("*.py"))}
    for source in sources.values():
        run(source)
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        took_us = []
        for _ in range(int(count)):
            begin_ns = time.monotonic_ns()
            answer = run(sources[name])
            took_us.append((time.monotonic_ns() - begin_ns) / 1000)
        print(json.dumps({"took_us": took_us, "answer": json.loads(answer)}), flush=True)


main()
