"""The rival: a service of this kind as most people write it. Flask, and bubblewrap for each request.

Started by gunicorn with FONT_DIRECTORY in the environment.
"""
import json
import os
import resource
import subprocess

import bwrap
from flask import Flask, jsonify, request

HARNESS = """
import contextlib, io, json, sys
source = sys.stdin.read()
printed = io.StringIO()
try:
    with contextlib.redirect_stdout(printed):
        names = {"__name__": "script"}
        exec(compile(source, "script.py", "exec"), names)
        answer = {"result": names["main"]()}
    json.dumps(answer)
except BaseException as error:
    answer = {"error": f"{type(error).__name__}: {error}"}
answer["stdout"] = printed.getvalue()
print(json.dumps(answer))
"""
TIMEOUT_S = 30
MEMORY_BYTES = 2 << 30  # of address space, which libraries reserve and do not use
FILE_BYTES = 10 << 20

app = Flask(__name__)
COMMAND = bwrap.command(os.environ["FONT_DIRECTORY"], "-c", HARNESS)


def set_limits():
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT_S, TIMEOUT_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))


@app.get("/health")
def health():
    return jsonify(status="healthy")


@app.post("/execute")
def execute():
    script = (request.get_json(silent=True) or {}).get("script")
    if not isinstance(script, str) or "def main" not in script:
        return jsonify(error="Script must contain a 'main()' function"), 400
    try:
        done = subprocess.run(COMMAND, input=script, capture_output=True, text=True, timeout=TIMEOUT_S,
                              preexec_fn=set_limits, check=True)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return jsonify(error="Script execution timed out"), 400
    except (subprocess.CalledProcessError, ValueError) as error:
        return jsonify(error=f"Script failed: {error}"), 400
    return jsonify(answer), 400 if "error" in answer else 200
