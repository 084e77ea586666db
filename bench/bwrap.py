"""The sandbox that both rivals use: one bubblewrap command line. Must not know how it is measured.

Kind to them: bytecode of the libraries is there, matplotlib finds its font list made, BLAS has one thread.
"""
import os
import pathlib

PYTHON = "/usr/bin/python3.11"
ENVIRONMENT = {"PATH": "/usr/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
               "MPLCONFIGDIR": "/tmp/matplotlib", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def command(font_directory, *python_arguments):
    """bwrap with python3 in it. font_directory holds the font list that matplotlib made."""
    made = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--uid", "65534", "--gid", "65534",
            "--clearenv"]
    for name, value in ENVIRONMENT.items():
        made += ["--setenv", name, value]
    made += ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
             "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/etc/alternatives", "/etc/alternatives",
             "--ro-bind-try", "/etc/fonts", "/etc/fonts", "--ro-bind-try", "/etc/matplotlibrc", "/etc/matplotlibrc",
             "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/tmp/matplotlib"]
    for path in sorted(pathlib.Path(font_directory).glob("fontlist*.json")):
        made += ["--ro-bind", os.fspath(path), f"/tmp/matplotlib/{path.name}"]
    return [*made, "--chdir", "/tmp", PYTHON, "-I", *python_arguments]


def bare(font_directory, script):
    """The script alone, its answer printed."""
    tail = '\nimport json\nprint(json.dumps({"result": main(), "stdout": ""}), end="")\n'
    return command(font_directory, "-c", script + tail)
