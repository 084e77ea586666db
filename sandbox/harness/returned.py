"""returned: the files that a request wants back, as the script has left them. What lies there is hostile:
only plain files are read, by descriptors that follow no link and wait for nobody, and everything is
bounded: entries, depth, files and bytes."""

import posix
from posix import close as close_file
from posix import fstat as file_status
from posix import open as open_file
from posix import read, scandir

from harness.channel import FRAME_RETURNED, frame_of
from harness.failures import headline_of
from harness.patterns import matches

FILES_MOST = 100
ENTRIES_MOST = 20_000  # that are looked at
NAME_BYTES = 512
DEPTH_MOST = 16
PIECE_BYTES = 1 << 20
SAFELY = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
DIRECTORY = SAFELY | posix.O_DIRECTORY
ELOOP = 40  # on every machine; errno is a module that the script may not have imported
FILE_TYPE, PLAIN_FILE, FOLDER = 0o170000, 0o100000, 0o040000
ANY_DEPTH = "**"
OWN = ("script.py",)
IS_FOLDER, NOT_PLAIN = "it is a directory", "it is not a plain file"


# ---- the search ----


def without_any_depth(states):
    """Also what follows a `**`, which may stand for no directory."""
    found = set(states)
    for state in states:
        while state and state[0] == ANY_DEPTH:
            state = state[1:]
            found.add(state)
    return found - {()}


class Search:
    """states: of patterns, what is left of them in a directory: (parts, number of the pattern)."""

    def __init__(self, patterns):
        self.patterns, self.entries = patterns, 0
        self.found = {}  # {path: numbers of the patterns that match it}
        self.too_deep = False

    def run(self, directory):
        root = open_file(directory, DIRECTORY)
        try:
            whole = [(tuple(pattern.split("/")), n) for n, pattern in enumerate(self.patterns)]
            self.look(root, (), whole)
        finally:
            close_file(root)

    def look(self, folder, path, states):
        below = set()
        for parts, number in states:
            below |= {(rest, number) for rest in without_any_depth({parts})}
        names = []
        with scandir(folder) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > ENTRIES_MOST:
                    break
                names.append(entry.name)
        for name in sorted(names):
            self.look_at(folder, (*path, name), below)

    def look_at(self, folder, path, states):
        name, deeper = path[-1], set()
        for parts, number in states:
            if parts[0] == ANY_DEPTH:
                if name[0] != ".":
                    deeper.add((parts, number))
                    if len(parts) == 1:
                        self.take(path, number)
            elif matches(parts[0], name):
                if len(parts) == 1:
                    self.take(path, number)
                else:
                    deeper.add((parts[1:], number))
        if not deeper:
            return
        try:
            below = open_file(name, DIRECTORY, dir_fd=folder)
        except OSError:
            return  # no directory, or a link
        try:
            if len(path) == DEPTH_MOST:
                self.too_deep = True
            else:
                self.look(below, path, deeper)
        finally:
            close_file(below)

    def take(self, path, number):
        self.found.setdefault(path, set()).add(number)


# ---- the files ----


def open_below(directory, path):
    """The file at path, which leads through no link."""
    folder = open_file(directory, DIRECTORY)
    try:
        for name in path[:-1]:
            below = open_file(name, DIRECTORY, dir_fd=folder)
            close_file(folder)
            folder = below
        return open_file(path[-1], SAFELY, dir_fd=folder)
    finally:
        close_file(folder)


def read_file(file, most):
    """All of it; None if that is more than so many bytes, however it grows meanwhile."""
    pieces, size = [], 0
    while size <= most:
        piece = read(file, PIECE_BYTES)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    return None


class Files:
    def __init__(self, directory, limit, patterns):
        self.directory, self.limit, self.left, self.patterns = directory, limit, limit, patterns
        self.frames, self.notes = [], []
        self.over = 0  # that would have come back

    def add(self, path):
        """False if it is nothing that could come back: a folder that a pattern happens to match."""
        name = "/".join(path)
        why = fault_of(name)
        if not why:
            try:
                file = open_below(self.directory, path)
                try:
                    why = self.add_opened(name, file)
                finally:
                    close_file(file)
            except BaseException as error:
                is_link = isinstance(error, OSError) and error.errno == ELOOP
                why = NOT_PLAIN if is_link else headline_of(error)[:200]
        if why and (why != IS_FOLDER or name in self.patterns):
            self.notes.append(f"{name[:200]!r} is left out: {why}")
        return why != IS_FOLDER or name in self.patterns

    def add_opened(self, name, file):
        """Why not; None or empty if all is well."""
        status = file_status(file)
        kind = status.st_mode & FILE_TYPE
        if kind == FOLDER:
            return IS_FOLDER
        if kind != PLAIN_FILE:
            return NOT_PLAIN
        if len(self.frames) == FILES_MOST:
            self.over += 1
            return None
        data = read_file(file, self.left) if status.st_size <= self.left else None
        if data is None:
            return f"{status.st_size} bytes or more are too many ({self.left} left of {self.limit} for all files)"
        self.left -= len(data)
        self.frames.append(frame_of(FRAME_RETURNED, name.encode() + b"\0" + data))
        return None


def fault_of(name):
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if len(encoded) > NAME_BYTES:
        return "its name is too long"
    if any(letter < " " or letter == "\x7f" for letter in name):
        return "its name has control characters"


def add_notes(search, files, matched):
    """Of what is said once."""
    if files.over:
        files.notes.append(f"{files.over} more files are left out: {FILES_MOST} at most")
    for number, pattern in enumerate(search.patterns):
        if number not in matched:
            files.notes.append(f"nothing matches {pattern[:200]!r}")
    if search.too_deep:
        files.notes.append(f"not all folders were looked at: {DEPTH_MOST - 1} deep at most")
    if search.entries > ENTRIES_MOST:
        files.notes.append(f"not all files were looked at: {ENTRIES_MOST} at most")


def collect(patterns, directory, limit):
    """(frames, notes). limit: bytes of all files together. The script's own file never comes back.
    Raises MemoryError only."""
    if not patterns:
        return [], []
    search, files = Search(patterns), Files(directory, limit, patterns)
    try:
        search.run(directory)
    except BaseException as error:
        files.notes.append("the files could not be looked at: " + headline_of(error)[:200])
    matched = set()
    for path, numbers in search.found.items():
        if path == OWN and "script.py" in patterns:
            files.notes.append("'script.py' is left out: it is the script")
            matched |= numbers
        elif path != OWN and files.add(path):
            matched |= numbers
    add_notes(search, files, matched)
    return files.frames, files.notes
