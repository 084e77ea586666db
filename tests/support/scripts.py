"""Scripts that tests of several files run, and the answer to the plainest of them."""

PLAIN = "def main():\n    return 42\n"
SLEEPS = "import time\ndef main():\n    time.sleep(20)\n"
BEGINS = "import time\ndef main():\n    print('begun')\n    time.sleep(20)\n"
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


def is_42(answer):
    """To PLAIN; AssertionError if it is another."""
    assert (answer.status, answer.json) == (200, {"result": 42, "stdout": ""}), answer
