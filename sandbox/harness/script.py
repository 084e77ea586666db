"""script: the script as a module, and the call of its main()."""

import builtins
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader

from harness.failures import Refused
from harness.inputs import call_main
from harness.system import streams

MAIN_GONE = "NameError: main() is not there when the script's top level has run: not reached, deleted or replaced"


def make_modules(path):
    """The modules `script`, as an import of script.py would have made it, and `__main__`, with
    nothing of ours in it."""
    module = type(sys)("script")
    loader = SourceFileLoader("script", path)
    module.__spec__ = ModuleSpec("script", loader, origin=path)
    module.__spec__.has_location = True
    module.__loader__, module.__file__, module.__package__ = loader, path, ""
    module.__builtins__ = builtins
    main_module = type(sys)("__main__")
    main_module.__builtins__ = builtins
    return module, main_module


def enter_script(module, main_module):
    """Puts them where a script looks."""
    sys.modules["script"] = module
    sys.modules["__main__"] = main_module
    sys.argv = ["script.py"]
    sys.orig_argv = [sys.executable, "script.py"]
    return module


def run_coroutine(coroutine):
    import asyncio

    # Not asyncio.run(): its end waits for the threads and tasks that main() left behind.
    runner = asyncio.Runner()
    streams.append(runner)  # nothing of it is taken apart before the answer is out
    return runner.run(coroutine)


async def some_coroutine():
    pass


coroutine_type = type(coroutine := some_coroutine())
coroutine.close()


def run_script(code, module, args):
    exec(code, module.__dict__)
    main = module.__dict__.get("main")
    if not callable(main):
        raise Refused("exception", MAIN_GONE, "")
    value = call_main(main, args)
    return run_coroutine(value) if type(value) is coroutine_type else value
