"""Scripts that tests of several files run, and the answer to the plainest of them."""
import uuid

PLAIN = "def main():\n    return 42\n"
SLEEPS = "import time\ndef main():\n    time.sleep(20)\n"
BEGINS = "import time\ndef main():\n    print('begun')\n    time.sleep(20)\n"
# Leaves children, which see when it is gone, and tell.
LEAVES_WITNESSES = """
import os
def main(children=4):
    reader, writer = os.pipe()
    for _ in range(children):
        if os.fork() == 0:
            os.close(writer)
            os.read(reader, 1)
            os.write(2, b"it is gone")
            os._exit(0)
    return 42
"""
# Prints megabytes, and returns the longest time that one write took.
WRITES = """
import os, time
def main(megabytes, width=65536):
    longest, chunk = 0, (b"x" * 99 + b"\\n") * (width // 100)
    left = megabytes << 20
    while left > 0:
        before = time.monotonic()
        left -= os.write(1, chunk[:left])
        longest = max(longest, time.monotonic() - before)
    return longest
"""


def new_mark():
    """What a process can be found by (procs.with_argument): digits, since `sleep` adds its arguments up."""
    return str(uuid.uuid4().int % 10**15).zfill(15)


def marked(mark, seconds=25):
    """A script whose process can be found from outside by its command line."""
    return f"""
import subprocess
def main():
    print('begun', flush=True)
    ended = subprocess.run(['sleep', '{seconds}', '0.000000{mark}'])
    assert ended.returncode in (0, -15)
    return 'done'
"""


def is_42(answer):
    """To PLAIN; AssertionError if it is another."""
    assert (answer.status, answer.json) == (200, {"result": 42, "stdout": ""}), answer
