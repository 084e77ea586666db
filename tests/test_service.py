#!/usr/bin/env python3
"""Asks a running service, local or remote, whether it does what it promises.

    python3 test_service.py URL [--slow]

Standard library only; one line a test, then `N passed, N failed`. It must not know
anything of the service but its URL. Not a pytest file: tests/service and
tests/containment are.
"""
import argparse
import json
import sys
import time
import urllib.error
import urllib.request

PLAIN = "def main():\n    return {'value': 42}\n"


class Service:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def request(self, path, body=None, timeout=60):
        """Returns (status, decoded JSON body); an error status is an answer too."""
        request = urllib.request.Request(self.url + path)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def execute(self, script, timeout=60):
        return self.request("/execute", {"script": script}, timeout)


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def returns(service, script, result, stdout=""):
    same(service.execute(script), (200, {"result": result, "stdout": stdout}))


def fails(service, script, outcome, error=None):
    status, body = service.execute(script)
    same((status, body.get("outcome")), (400, outcome))
    if error is not None:
        same(body["error"], error)
    return body


def check_health(service):
    same(service.request("/health"), (200, {"status": "healthy"}))


def check_basic(service):
    returns(service, "def main():\n    return {'message': 'Hello', 'value': 42}\n",
            {"message": "Hello", "value": 42})


def check_numpy(service):
    returns(service, """
import numpy as np
def main():
    arr = np.array([1, 2, 3, 4, 5])
    return {"mean": float(np.mean(arr)), "sum": int(np.sum(arr)), "std": round(float(np.std(arr)), 9)}
""", {"mean": 3.0, "sum": 15, "std": 1.414213562})


def check_pandas(service):
    returns(service, """
import pandas as pd
def main():
    df = pd.DataFrame({"name": ["Alice", "Bob", "Charlie"], "age": [25, 30, 35]})
    return {"shape": list(df.shape), "mean_age": float(df.age.mean()), "names": df.name.tolist()}
""", {"shape": [3, 2], "mean_age": 30.0, "names": ["Alice", "Bob", "Charlie"]})


def check_scipy(service):
    returns(service, """
from scipy import optimize, stats
def main():
    root = optimize.brentq(lambda x: x * x - 2, 0, 2)
    return {"root": round(root, 6), "cdf": float(stats.norm.cdf(0))}
""", {"root": 1.414214, "cdf": 0.5})


def check_scikit_learn(service):
    returns(service, """
from sklearn.linear_model import LinearRegression
def main():
    model = LinearRegression().fit([[0], [1], [2]], [1, 3, 5])
    return {"slope": round(float(model.coef_[0]), 6), "at_10": round(float(model.predict([[10]])[0]), 6)}
""", {"slope": 2.0, "at_10": 21.0})


def check_matplotlib(service):
    returns(service, """
import io
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
def main():
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], [1, 4, 9])
    axes.set_title("squares")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    plt.close(figure)
    return {"png": picture.getvalue()[:4] == b"\\x89PNG", "has_content": picture.tell() > 1000}
""", {"png": True, "has_content": True})


def check_stdout(service):
    returns(service, """
def main():
    print("Starting calculation...")
    result = sum(range(100))
    print(f"Sum of 0-99: {result}")
    print("Calculation complete!")
    return {"sum": result, "count": 100}
""", {"sum": 4950, "count": 100},
            "Starting calculation...\nSum of 0-99: 4950\nCalculation complete!\n")


def check_no_main(service):
    fails(service, "print('hello')\n", "no_main", "Script must contain a 'main()' function")


def check_runtime_error(service):
    body = fails(service, "def main():\n    print('before')\n    return 1 / 0\n", "exception",
                 "ZeroDivisionError: division by zero")
    same(body["stdout"], "before\n")
    assert "line 3" in body["traceback"], body["traceback"]


def check_large_script(service):
    fits = PLAIN + "#" * (50000 - len(PLAIN))
    returns(service, fits, {"value": 42})
    body = fails(service, fits + "#", "invalid_request")
    assert "Invalid script size" in body["error"], body["error"]


def check_several_libraries(service):
    returns(service, """
import numpy as np
import pandas as pd
import seaborn
import requests
from scipy import stats
from sklearn.preprocessing import StandardScaler
def main():
    frame = pd.DataFrame({"x": np.arange(10.0), "y": np.arange(10.0) * 3 + 1})
    line = stats.linregress(frame.x, frame.y)
    scaled = StandardScaler().fit_transform(frame)
    return {"slope": round(float(line.slope), 6), "mean": abs(round(float(scaled.mean()), 6)),
            "loaded": [seaborn.__name__, requests.__name__]}
""", {"slope": 3.0, "mean": 0.0, "loaded": ["seaborn", "requests"]})


def check_requests_without_network(service):
    returns(service, """
import requests
def main():
    try:
        requests.get("http://127.0.0.1:8080/", timeout=5)
    except requests.exceptions.ConnectionError:
        return "no network"
    return "reached something"
""", "no network")


def check_timeout(service):
    started = time.monotonic()
    body = fails(service, "def main():\n    print('working', flush=True)\n    while True:\n        pass\n",
                 "timeout", "Script execution timed out (30s limit)")
    same(body["stdout"], "working\n")
    took = time.monotonic() - started
    assert 29 < took < 40, f"took {took:.1f} s"


QUICK = [check_health, check_basic, check_numpy, check_pandas, check_scipy, check_scikit_learn,
         check_matplotlib, check_stdout, check_no_main, check_runtime_error, check_large_script,
         check_several_libraries, check_requests_without_network]
SLOW = [check_timeout]


def main():
    parser = argparse.ArgumentParser(description="Tests a running Sandboxed Code Runner.")
    parser.add_argument("url", metavar="URL", help="for instance http://localhost:8080")
    parser.add_argument("--slow", action="store_true", help="also wait for the 30 s time-out")
    options = parser.parse_args()
    service = Service(options.url)
    failed = 0
    checks = QUICK + (SLOW if options.slow else [])
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        started = time.monotonic()
        try:
            check(service)
            verdict = "ok  "
        except Exception as error:  # a lost connection or a wrong answer fails this line only
            failed += 1
            verdict, name = "FAIL", f"{name}: {type(error).__name__}: {error}"
        print(f"{verdict} {name} ({(time.monotonic() - started) * 1000:.0f} ms)", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
