"""load: makes the harness's modules, the same in both kinds of worker: from their sources in the zygote,
which forks warm workers, or from what pack() has compiled in a cold one. Knows their order and nothing
of what they do.

The harness runs in a worker that is isolated already, beside code that may do anything to this
interpreter: what is needed after the script has run is captured when a module is made, and forging
its own result is all that a script can do. It imports next to nothing, because start-up time is a
script's latency.
"""

import builtins
import marshal
import posix
import sys

MODULES = "channel system sources failures parse shadow inputs script results figures patterns returned answer linger serve rehearse".split()
PACKED = "modules"
PACKED_BYTES = 4 << 20


def compiled(sources):
    """(name, code) of each module, in the order of their imports. sources: a dict, by short name."""
    return [
        ("harness." + name, compile(sources[name], f"harness/{name}.py", "exec", dont_inherit=True))
        for name in MODULES
    ]


def load(codes):
    """Makes them, in this order, and returns the last. None is left in sys.modules. Functions take
    their builtins from the module when they are defined, and these have some of their own, so a
    script that replaces builtins.len or builtins.__import__ does not reach them."""
    own_builtins = dict(vars(builtins))
    for name, code in codes:
        module = type(sys)(name)
        module.__builtins__ = own_builtins
        sys.modules[name] = module
        exec(code, module.__dict__)
    for name, _ in codes:
        del sys.modules[name]
    return module


def load_sources(sources):
    return load(compiled(sources))


def pack(directory, target):
    """Compiles the sources in a directory to what a cold worker executes: target/load.pyc."""
    import py_compile

    sources = {}
    for name in MODULES:
        with open(f"{directory}/{name}.py", encoding="utf-8") as file:
            sources[name] = file.read()
    with open(f"{target}/{PACKED}", "wb") as file:
        marshal.dump(compiled(sources), file)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(
        f"{directory}/load.py", f"{target}/load.pyc", "harness/load.py", True, invalidation_mode=mode
    )


def load_packed(directory):
    file = posix.open(f"{directory}/{PACKED}", posix.O_RDONLY | posix.O_CLOEXEC)
    codes = marshal.loads(posix.read(file, PACKED_BYTES))
    posix.close(file)
    return load(codes)


if __name__ == "__main__":
    load_packed(__file__.rpartition("/")[0]).serve_cold()
