"""preload: what the zygote's interpreter has loaded and exercised before any script is there.

Runs once, in the zygote, on no client's data. load() imports, warm_up() calls each library as scripts
typically do, so that what they make on first use (caches, compiled patterns, specialised bytecode) is
there in every fork; settle() takes back what that leaves and a script could see. Must not start a
thread: a fork has only one.
"""

import gc
import os
import select
import sys
import warnings

SERVER = 3  # the zygote's channel, see roles.h

STANDARD = (
    "argparse array ast asyncio base64 bisect calendar collections concurrent.futures copy csv "
    "ctypes dataclasses datetime decimal difflib enum fractions functools glob hashlib heapq "
    "html importlib.util inspect io itertools json linecache locale logging math multiprocessing "
    "numbers operator pathlib pickle platform pprint queue random re secrets shutil signal socket "
    "sqlite3 statistics string struct subprocess tempfile textwrap threading time timeit token "
    "tokenize traceback types typing unicodedata unittest.mock urllib.parse uuid warnings weakref "
    "xml.etree.ElementTree zipfile zlib zoneinfo"
).split()

LIBRARIES = {
    "numpy": "numpy numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.random",
    "pandas": "pandas pandas.plotting",
    "scipy": (
        "scipy scipy.cluster.hierarchy scipy.fft scipy.integrate scipy.interpolate scipy.linalg "
        "scipy.ndimage scipy.optimize scipy.signal scipy.sparse scipy.sparse.linalg scipy.spatial "
        "scipy.special scipy.stats"
    ),
    "sklearn": (
        "sklearn sklearn.cluster sklearn.compose sklearn.datasets sklearn.decomposition "
        "sklearn.ensemble sklearn.feature_extraction.text sklearn.impute sklearn.linear_model "
        "sklearn.metrics sklearn.model_selection sklearn.naive_bayes sklearn.neighbors "
        "sklearn.neural_network sklearn.pipeline sklearn.preprocessing sklearn.svm sklearn.tree"
    ),
    "matplotlib": "matplotlib matplotlib.pyplot matplotlib.dates mpl_toolkits.mplot3d",
    "seaborn": "seaborn",
    "requests": "requests",
}


class NoTimer:
    """matplotlib.font_manager starts a threading.Timer to say that it takes long."""

    def __init__(self, *_):
        pass

    start = cancel = __init__


def stop_if_alone():
    """Loading takes seconds: who was told to stop meanwhile does not wait for its end."""
    server = select.poll()
    server.register(SERVER, 0)
    if any(events & select.POLLHUP for _, events in server.poll(0)):
        raise RuntimeError("the server is gone")


def load(names):
    """Imports the standard library's usual modules and the libraries of these names; a name that is
    no library's is imported as it is. An import that fails raises."""
    for module in STANDARD:
        __import__(module)
    threading = sys.modules["threading"]
    timer, threading.Timer = threading.Timer, NoTimer
    for name in names:
        for module in LIBRARIES.get(name, name).split():
            stop_if_alone()
            __import__(module)
    threading.Timer = timer


def exercise_standard():
    import datetime
    import json
    import re
    import statistics

    json.loads(json.dumps({"a": [1, 2, {"b": "\u00e9"}]}, indent=1))
    re.compile(r"(\w+)-(\d+)").findall("ab-12")
    re.sub(r"\s+", " ", "a  b")
    statistics.mean([1, 2, 3])
    datetime.datetime.now().isoformat()
    "{:.3f} {}".format(1.5, "a")
    sorted([3, 1, 2], key=lambda value: -value)
    re.purge()


def exercise_numpy():
    import numpy as np

    generator = np.random.default_rng(1)
    a = generator.random((60, 60))
    a @ a, np.linalg.inv(a + np.eye(60)), np.linalg.norm(a), np.linalg.svd(a), np.linalg.eigh(a + a.T)
    np.linalg.solve(a + np.eye(60), a[0]), np.fft.fft(a), np.dot(a, a[0])
    a.sum(0).mean(), a.std(), a.min(), a.argmax(), np.sort(a, axis=1), np.percentile(a, 50)
    np.random.rand(10, 10), np.random.randn(4), np.random.randint(0, 9, 5), np.random.normal(size=3)
    np.random.choice(5, 3), np.random.permutation(4)
    repr(a), str(a[:3]), np.concatenate([a, a]), np.where(a > 0.5, a, 0), a.tolist(), np.linspace(0, 1, 5)
    np.arange(9).reshape(3, 3).T.copy(), np.unique(np.arange(9) % 3), np.corrcoef(a[:3])
    np.polyfit([1, 2, 3], [2, 4, 7], 1), np.array(["a", "b"]), np.cumsum(a[0]), float(a.mean())


def exercise_pandas():
    import io

    import pandas as pd

    frame = pd.DataFrame(
        {
            "a": range(50),
            "b": [x * 0.5 for x in range(50)],
            "c": ["x", "y"] * 25,
            "d": pd.date_range("2020-01-01", periods=50),
        }
    )
    frame.describe(), repr(frame.head()), frame.shape, frame.dtypes, frame.mean(numeric_only=True)
    frame.groupby("c").sum(numeric_only=True), frame.groupby("c")["b"].agg(["min", "max"])
    frame.groupby("a").size(), frame.groupby("c")["b"].mean().to_dict(), frame["b"].to_dict()
    frame.to_dict("records"), frame.merge(frame[["a", "c"]], on="a"), frame.to_csv(), frame.to_json()
    pd.read_csv(io.StringIO("p,q\n1,2\n3,4\n")), frame.sort_values("b"), frame[frame.a > 3]
    frame["b"].rolling(3).mean(), frame.pivot_table(index="c", values="b"), frame.set_index("a").loc[3]
    frame.fillna(0), frame["c"].value_counts(), frame.b.apply(lambda value: value + 1)
    pd.concat([frame, frame]), frame.isna().sum(), frame.drop_duplicates("c"), frame["d"].dt.month
    frame.assign(e=frame.a * 2).iloc[:3], frame["c"].str.upper().tolist(), frame.corr(numeric_only=True)
    frame.b.mean(), frame.b.std(), frame.b.quantile(0.5), frame["a"].tolist(), frame.to_string()


def exercise_scipy():
    import scipy.integrate
    import scipy.interpolate
    import scipy.linalg
    import scipy.optimize
    import scipy.stats

    scipy.stats.ttest_ind([1, 2, 3], [2, 3, 5]), scipy.stats.norm.cdf(0.3)
    scipy.stats.linregress([1, 2, 3], [2, 4, 7]), scipy.linalg.lu([[1.0, 2.0], [3.0, 4.0]])
    scipy.optimize.minimize(lambda v: (v[0] - 1) ** 2, [0.0])
    scipy.integrate.quad(lambda x: x * x, 0, 1), scipy.interpolate.interp1d([0, 1, 2], [0, 1, 4])(0.5)


def exercise_sklearn():
    import numpy as np
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    # Nothing with OpenMP of its own (KMeans, histogram boosting): its threads would not be forked.
    x = np.arange(60.0).reshape(30, 2)
    y = x[:, 0] * 2 + 1
    LinearRegression().fit(x, y).predict(x), LinearRegression().fit(x, y).score(x, y)
    LogisticRegression().fit(x, y > 40).predict(x)
    forest = RandomForestClassifier(n_estimators=3).fit(x, y > 40)
    accuracy_score(y > 40, forest.predict(x)), StandardScaler().fit_transform(x)
    train_test_split(x, y, test_size=0.3, random_state=1), load_iris()


def exercise_matplotlib():
    import io

    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2)
    axes[0].plot([1, 2, 3], [1, 4, 9], label="l")
    axes[0].scatter([1, 2], [2, 1])
    axes[0].bar([1, 2], [3, 4])
    axes[0].legend()
    axes[0].set_xlabel("x")
    axes[0].set_title("T")
    axes[0].grid(True)
    axes[1].hist([1, 2, 2, 3])
    figure.tight_layout()
    figure.savefig(io.BytesIO(), format="png")
    plt.plot([1, 2])
    plt.close("all")


def exercise_seaborn():
    import io

    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns

    frame = pd.DataFrame({"x": [1, 2, 3, 4], "y": [2, 1, 4, 3], "k": list("aabb")})
    for draw in (
        lambda: sns.scatterplot(data=frame, x="x", y="y", hue="k"),
        lambda: sns.barplot(data=frame, x="k", y="y"),
        lambda: sns.histplot(data=frame, x="x"),
        lambda: sns.heatmap(frame[["x", "y"]].corr(), annot=True),
    ):
        draw().figure.savefig(io.BytesIO(), format="png")
        plt.close("all")


def warm_up(names):
    """Twice: the first call makes, the second specialises."""
    for _ in range(2):
        exercise_standard()
        for name in names:
            exercise = globals().get("exercise_" + name)
            stop_if_alone()
            if exercise:
                exercise()


def exercise_slowest():
    """What a script does with that of the loaded libraries whose scripts gain most from having its pages
    copied before they come, and what most others use too."""
    warnings.simplefilter("ignore")
    for name in ("matplotlib", "sklearn", "pandas", "scipy", "numpy"):
        if name in sys.modules:
            globals()["exercise_" + name]()
            return


def forget_matplotlib(home):
    import matplotlib
    import matplotlib.font_manager

    # A font holds its file open, at a descriptor that a worker does not have.
    matplotlib.font_manager._get_font.cache_clear()
    # Where its directories are was asked with the zygote's environment.
    for function in ("get_configdir", "get_cachedir"):
        wrapper = getattr(matplotlib, function)
        cell = wrapper.__closure__[wrapper.__code__.co_freevars.index("called")]
        cell.cell_contents = False
    style = sys.modules.get("matplotlib.style.core")
    if style:
        style.USER_LIBRARY_PATHS[:] = [os.path.join(home, "stylelib")]


def load_all(names, environment):
    """All of it. environment: what scripts are to find in os.environ, a dict."""
    load(names)
    filters = list(warnings.filters)  # what imports add, a script that imports expects
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm_up(names)
    if "matplotlib" in names or "seaborn" in names:
        forget_matplotlib(environment["MPLCONFIGDIR"])
    settle(filters, environment)


def freeze():
    """The last thing before the zygote forks: nothing that lives now is looked at by a collection
    in a fork, which would write to all of it."""
    gc.collect()
    gc.collect()
    gc.freeze()


def settle(filters, environment):
    import atexit
    import itertools
    import linecache
    import platform
    import tempfile
    import threading

    warnings.filters[:] = filters
    warnings._filters_mutated()
    for module in list(sys.modules.values()):
        if isinstance(getattr(module, "__dict__", None), dict):
            module.__dict__.pop("__warningregistry__", None)
    atexit._clear()
    platform._uname_cache = None  # it holds the host's name
    linecache.clearcache()
    tempfile._name_sequence = tempfile.tempdir = None
    threading._counter = itertools.count(1).__next__  # the next one is Thread-1
    contexts = sys.modules.get("multiprocessing.context")
    if contexts:
        contexts._default_context._actual_context = None  # set_start_method() may choose, once
    os.environ.clear()
    os.environ.update(environment)
    if threading.active_count() != 1:
        raise RuntimeError("a library started a thread in the zygote")


def random_states():
    """Addresses of the two Mersenne Twisters that modules share, for fresh entropy in each fork: (of
    random's 624 words, of its index, of numpy's 624 words, of its index); 0 where there is none."""
    import ctypes
    import random

    base = id(random._inst)
    head = object.__basicsize__
    index, words = base + head, base + head + 4
    state = random.getstate()[1]
    # The layout is CPython's own affair: believe it only if it shows what getstate() says.
    if list((ctypes.c_uint32 * 624).from_address(words)) != list(state[:624]) or (
        ctypes.c_int.from_address(index).value != state[624]
    ):
        raise RuntimeError("random.Random is not laid out as expected")
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return words, index, 0, 0
    numpy.random.seed(1)  # no half-used Gauss pair is left
    legacy = numpy.random.get_state()
    address = numpy.random.mtrand._rand._bit_generator.ctypes.state_address
    address = getattr(address, "value", address)
    if list((ctypes.c_uint32 * 624).from_address(address)) != list(legacy[1]) or (
        ctypes.c_int.from_address(address + 624 * 4).value != legacy[2]
    ):
        raise RuntimeError("numpy's generator is not laid out as expected")
    return words, index, address, address + 624 * 4


def renew_authkey(size):
    """What multiprocessing has to tell its processes from others, of this size; each fork writes its
    own into it."""
    import multiprocessing.process as process

    key = process.AuthenticationString(bytes(size))
    process.current_process()._config["authkey"] = key
    return key
