"""sources: which files are the script's own, what to call them, and their lines."""

import posix
from posix import close as close_file
from posix import fstat as file_status
from posix import open as open_file
from posix import read

SOURCE_BYTES = 1 << 20  # of a file whose lines a traceback quotes


class Sources:
    def __init__(self, directory):
        self.directory = directory.rstrip("/")  # without a slash, which would follow a link
        self.prefix = self.directory + "/"
        self.path = self.prefix + "script.py"
        self.lines_of = {}

    def name(self, path):
        return path[len(self.prefix) :] if path.startswith(self.prefix) else None

    def add(self, path, text):
        self.lines_of[path] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def load(self, path):
        # Neither a FIFO nor a link of the script's may hold this up.
        flags = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_NOFOLLOW | posix.O_CLOEXEC
        text = b""
        try:
            file = open_file(path, flags)
            if file_status(file).st_mode & 0o170000 == 0o100000:
                text = read(file, SOURCE_BYTES)
            close_file(file)
        except OSError:
            pass
        self.add(path, text.decode("utf-8", "replace"))

    def line(self, path, number):
        if path not in self.lines_of:
            self.load(path)
        lines = self.lines_of[path]
        return lines[number - 1].strip()[:200] if number and 0 < number <= len(lines) else ""
