"""Libraries that were loaded ahead are in the state that their import leaves, as in a fresh python3."""
import pytest

from support.modes import BEFORE, WARM, results

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # starts the modes it needs

LIBRARIES = BEFORE + """
import asyncio, decimal, logging, mimetypes, socket
import joblib, matplotlib, numpy as np, pandas as pd, requests, scipy, seaborn as sns, sklearn
import matplotlib.pyplot as plt
def main():
    import pandas._config.config as settings
    return {
        'numpy': [np.geterr(), {k: repr(v) for k, v in np.get_printoptions().items()}, np.getbufsize()],
        'matplotlib settings': {k: repr(v) for k, v in matplotlib.rcParams.items()},
        'matplotlib': [matplotlib.get_backend(), matplotlib.is_interactive(), plt.get_fignums()],
        'matplotlib directories': [matplotlib.get_configdir(), matplotlib.get_cachedir(), matplotlib.matplotlib_fname(), matplotlib.style.core.USER_LIBRARY_PATHS, os.listdir(matplotlib.get_cachedir())],
        'pandas': {k: repr(v.defval) + repr(settings._get_root(k)[0][k.split('.')[-1]]) for k, v in settings._registered_options.items()},
        'scikit-learn': repr(sklearn.get_config()),
        'seaborn': [repr(sns.axes_style()), repr(sns.plotting_context()), repr(sns.color_palette())],
        'joblib': [joblib.parallel.mp is not None, joblib.cpu_count() > 0],
        'logging': [logging.root.level, logging.root.handlers, logging.root.manager.disable, logging.lastResort.level],
        'loggers': sorted((n, l.level, len(l.handlers)) for n, l in logging.root.manager.loggerDict.items() if isinstance(l, logging.Logger) and (l.level or l.handlers)),
        'decimal': repr(decimal.getcontext()),
        'socket, mimetypes': [socket.getdefaulttimeout(), mimetypes.inited],
        'asyncio': [asyncio._get_running_loop(), asyncio.get_event_loop_policy()._local._loop],
        'filters of warnings': sorted(repr(f).replace('re.compile', '') for f in warnings.filters if f[2].__module__ != 'pkg_resources'),
        'warnings that were given': sorted(n for n, m in list(sys.modules.items()) if getattr(m, '__warningregistry__', None)),
        'processes': [multiprocessing.process._children == set(), next(multiprocessing.process._process_counter)],
    }
"""
LIBRARY_STATE = ["numpy", "matplotlib settings", "matplotlib", "matplotlib directories", "pandas", "scikit-learn", "seaborn", "joblib", "logging", "loggers",
                 "decimal", "socket, mimetypes", "asyncio", "filters of warnings", "warnings that were given", "processes"]


@pytest.fixture(scope="module")
def library_states(mode):
    return {name: results(mode(name), LIBRARIES)[0] for name in ("cold", *WARM)}


@pytest.mark.parametrize("what", LIBRARY_STATE)
@pytest.mark.parametrize("name", WARM)
def test_state_of_libraries_is_that_of_their_import(library_states, name, what):
    assert library_states[name][what] == library_states["cold"][what]


def test_every_state_of_libraries_is_looked_at(library_states):
    assert sorted(library_states["cold"]) == sorted(LIBRARY_STATE)
