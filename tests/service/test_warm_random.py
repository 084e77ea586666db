"""No two scripts get the same random numbers, though warm workers are forks of one interpreter."""
import pytest

from support.modes import WARM, results

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # starts the modes it needs

RANDOM = """
import ctypes, email.utils, multiprocessing, os, random, secrets, sqlite3, ssl, sys, tempfile, uuid
def main():
    import numpy as np
    import pandas as pd
    import scipy.stats
    from sklearn.utils import check_random_state
    database = sqlite3.connect(':memory:')
    return {
        'random': random.random(), 'gauss': random.gauss(0, 1), 'getrandbits': random.getrandbits(64), 'Random': random.Random().random(),
        'normalvariate': random.normalvariate(0, 1), 'SystemRandom': random.SystemRandom().random(), 'sample': random.sample(range(10**9), 3),
        'np.rand': np.random.rand(), 'np.randn': np.random.randn(), 'np.normal': np.random.normal(), 'np.randint': int(np.random.randint(1 << 60)),
        'np.bytes': np.random.bytes(8).hex(), 'default_rng': np.random.default_rng().random(), 'RandomState': np.random.RandomState().rand(),
        'PCG64': int(np.random.PCG64().random_raw()), 'SeedSequence': str(np.random.SeedSequence().entropy),
        'scipy': float(scipy.stats.norm.rvs()), 'sklearn': float(check_random_state(None).rand()), 'pandas': int(pd.Series(range(10**6)).sample(1).iloc[0]),
        'uuid1': uuid.uuid1().hex[8:], 'uuid4': uuid.uuid4().hex, 'secrets': secrets.token_hex(8), 'ssl': ssl.RAND_bytes(8).hex(), 'urandom': os.urandom(8).hex(),
        'sqlite': database.execute('select random()').fetchone()[0], 'temporary name': tempfile.mktemp(), 'message id': email.utils.make_msgid(domain='x').split('.', 1)[1],
        'key of multiprocessing': bytes(multiprocessing.current_process().authkey).hex(), 'arc4random': ctypes.CDLL(None).arc4random(),
    }
"""
STREAMS = ["random", "gauss", "getrandbits", "Random", "normalvariate", "SystemRandom", "sample", "np.rand", "np.randn", "np.normal", "np.randint", "np.bytes",
           "default_rng", "RandomState", "PCG64", "SeedSequence", "scipy", "sklearn", "pandas", "uuid1", "uuid4", "secrets", "ssl", "urandom", "sqlite",
           "temporary name", "message id", "key of multiprocessing", "arc4random"]


@pytest.fixture(scope="module")
def numbers(mode):
    return {name: results(mode(name), RANDOM, 4) for name in ("cold", *WARM)}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", ["cold", *WARM])
def test_no_two_scripts_get_the_same_numbers(numbers, name, stream):
    found = [repr(run[stream]) for run in numbers[name]]
    assert len(set(found)) == 4, found


def test_every_stream_is_looked_at(numbers):
    assert sorted(numbers["cold"][0]) == sorted(STREAMS)


def test_a_seed_gives_what_it_gives_everywhere(mode):
    script = """
import random
import numpy as np
def main():
    random.seed(1); np.random.seed(1)
    return random.random(), random.gauss(0, 1), float(np.random.rand()), float(np.random.randn()), float(np.random.default_rng(1).random())
"""
    expected = results(mode("cold"), script)[0]
    assert expected[0] == 0.13436424411240122
    for name in WARM:
        assert results(mode(name), script)[0] == expected
