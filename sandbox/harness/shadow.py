"""shadow: a module that comes with the request is what an import of its name finds, as beside any script,
also where the libraries that are loaded already have brought one of that name."""

import sys
from _imp import is_frozen

# What every python3 has imported before its script begins: no file comes before these.
STARTED = frozenset("__main__ _collections_abc _sitebuiltins abc codecs encodings genericpath io os posixpath site stat".split())


def module_of(name):
    """The module whose file in the working directory has this name; "" of none."""
    first, _, rest = name.partition("/")
    if rest:
        return first if rest == "__init__.py" else ""
    return first.removesuffix(".py") if first.endswith(".py") else ""


def shadow(name):
    """To be called when the file is there. What others have of the loaded module they keep."""
    module = module_of(name)
    if module not in sys.modules or module in STARTED or module in sys.builtin_module_names or is_frozen(module):
        return
    for loaded in list(sys.modules):
        if loaded == module or loaded.startswith(module + "."):
            del sys.modules[loaded]
