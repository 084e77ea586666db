"""What main() returned, as JSON: the text that json.dumps writes, and why a value is refused."""

import json

import pytest

pytestmark = pytest.mark.mode_independent

BAD_RESULTS = [
    ("{1}", "Object of type set is not JSON serializable; use list()"),
    ("b'x'", "Object of type bytes is not JSON serializable; use .decode() or base64"),
    ("[1, {'a': (x for x in 'a')}]", "Object of type generator is not JSON serializable; use list()"),
    ("{}.keys()", "Object of type dict_keys is not JSON serializable; use list()"),
    ("main", "Object of type function is not JSON serializable"),
    ("float('nan')", "NaN or Infinity is not JSON; replace it by None"),
    ("[1, -float('inf')]", "NaN or Infinity is not JSON; replace it by None"),
    ("{float('nan'): 1}", "NaN or Infinity is not JSON; replace it by None"),
    ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
    ("circular", "Circular reference detected"),
    ("deep", "it is nested too deeply"),
    ("10 ** 5000", "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"),
    ("__import__('numpy').zeros(3)", "Object of type numpy.ndarray is not JSON serializable; use .tolist()"),
    ("__import__('numpy').datetime64('2020-01-01')", "Object of type numpy.datetime64 is not JSON serializable; use str()"),
    ("__import__('array').array('i')", "Object of type array.array is not JSON serializable; use .tolist()"),
    ("__import__('numpy').int64(3)", "Object of type numpy.int64 is not JSON serializable; use .item()"),
    ("__import__('pandas').DataFrame()", "Object of type pandas.core.frame.DataFrame is not JSON serializable; use .to_dict()"),
    ("__import__('datetime').datetime(2024, 1, 1)", "Object of type datetime.datetime is not JSON serializable; use .isoformat()"),
    ("Data()", "Object of type Data is not JSON serializable; use dataclasses.asdict()"),
    ("Hostile()", "Object of type Hostile is not JSON serializable"),
    ("Items(a=1)", "ValueError"),
]


@pytest.mark.parametrize("value, reason", BAD_RESULTS)
def test_result_that_is_not_json(run, value, reason):
    script = f"""
import dataclasses
circular = []
circular.append(circular)
deep = []
for _ in range(100_000): deep = [deep]
@dataclasses.dataclass
class Data: pass
class Meta(type):
    def __getattribute__(self, name): raise SystemExit
class Hostile(metaclass=Meta):
    def __getattribute__(self, name): raise SystemExit
class Items(dict):
    def items(self): raise ValueError
def main(): return {value}
"""
    word, message, _ = run(script).error
    assert (word, message) == ("bad_result", "Result is not JSON: " + reason)


def test_items_of_a_dict_may_exit(run):
    script = "import sys\nclass D(dict):\n def items(s): sys.exit(4)\ndef main(): return D(a=1)"
    assert run(script).error[:2] == ("exited", "Script called sys.exit(4) before main() returned")


CORPUS = """
import collections, enum
class I(int):
    def __repr__(self): return 'wrong'
    __str__ = __repr__
class F(float):
    def __repr__(self): return 'wrong'
class S(str):
    def __str__(self): return 'wrong'
class L(list): pass
class E(enum.IntEnum):
    ONE = 1
class T(str, enum.Enum):
    A = 'a'
P = collections.namedtuple('P', 'x y')
CORPUS = [None, True, False, 0, -1, 12345678901234567890123, 0.1, -0.0, 1e300, 5e-324, 1e16, '', 'a"\\\\/\\n\\x00\\x7f',
    'é€😀', '\\ud800', '\\udfff\\ud800', [], {}, (), [[]], [[1, [2, (3,)]], {'a': {'b': []}}], I(7), F(1.5), F(-0.0), S('s'), L([1]),
    E.ONE, T.A, P(1, 2), {1: 2, None: 3, True: 4, 1.5: 5, 'k': 6, I(9): 1, F(2.5): 1, S('x'): 1, E.ONE: 1}, {'z': 1, 'a': 2},
    collections.OrderedDict(b=1, a=2), collections.Counter('aab'), collections.defaultdict(list, a=[1]),
    [1.0, 100000000000000000000.0, 1e-7, 123456789.123456789], 10 ** 4299, ['x' * 1000] * 3, {'nested': [{'k': i} for i in range(50)]}]
"""


def test_text_is_what_json_dumps_writes(run):
    names = {}
    exec(CORPUS, names)
    # All in one, and each alone at the top (a float, a string, ... takes another way there).
    script = CORPUS + "def main(): return CORPUS"
    assert run(script).result == json.dumps(names["CORPUS"], allow_nan=False)
    for index in (7, 12, 14, 15, 21, 22, 23, 24, 26, 27, 28, 29):
        script = CORPUS + f"def main(): return CORPUS[{index}]"
        assert run(script).result == json.dumps(names["CORPUS"][index], allow_nan=False)


def test_numpy_floats_are_floats(run):
    script = "import numpy\ndef main(): return [numpy.float64(0.1), {numpy.float64(2): numpy.str_('s')}]"
    assert run(script).result == '[0.1, {"2.0": "s"}]'


@pytest.mark.parametrize("size, fits", [(1000, True), (1001, False)])
def test_result_over_the_output_limit(run, size, fits):
    answer = run(f"def main(): return 'x' * {size - 2}", CODE_RUNNER_OUTPUT_BYTES="1000")
    if fits:
        assert len(answer.result) == size
    else:
        assert answer.error[0] == "output"


def test_large_result_is_whole(run):
    answer = run("def main(): return list(range(1_000_000))")
    assert answer.result == json.dumps(list(range(1_000_000)))
