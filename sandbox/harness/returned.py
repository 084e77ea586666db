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

FILES_MOST = 100
ENTRIES_MOST = 20_000  # that are looked at
NAME_BYTES = 512
DEPTH_MOST = 16
PIECE_BYTES = 1 << 20
SAFELY = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
DIRECTORY = SAFELY | posix.O_DIRECTORY
FILE_TYPE, PLAIN_FILE, FOLDER = 0o170000, 0o100000, 0o040000
ANY_DEPTH = "**"


# ---- patterns ----


def in_class(inside, letter):
    """inside: what stands between the brackets."""
    negated = inside[0] == "!"
    at, found = int(negated), False
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            found = found or inside[at] <= letter <= inside[at + 2]
            at += 3
        else:
            found = found or inside[at] == letter
            at += 1
    return found != negated


def class_end(pattern, start):
    """Where the bracket that opens at start closes; -1: it stands for itself. One that comes first is
    part of the class."""
    first = start + 1 + (pattern[start + 1 : start + 2] == "!")
    return pattern.find("]", first + 1)


def matches(pattern, name):
    """As fnmatch.fnmatchcase(), in bounded time; a dot at the front is matched by a dot only."""
    if name[0] == "." and pattern[0] != ".":
        return False
    at = place = 0
    star, mark = -1, 0
    while place < len(name):
        letter = pattern[at : at + 1]
        if letter == "*":
            star, mark = at, place
            at += 1
            continue
        end = class_end(pattern, at) if letter == "[" else -1
        if end >= 0:
            fits = in_class(pattern[at + 1 : end], name[place])
        else:
            fits, end = letter in ("?", name[place]) and letter != "", at
        if fits:
            at, place = end + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")


def without_any_depth(states):
    """Also what follows a `**`, which may stand for no directory."""
    found = set(states)
    for state in states:
        while state and state[0] == ANY_DEPTH:
            state = state[1:]
            found.add(state)
    return found - {()}


# ---- the search ----


class Search:
    """states: of patterns, what is left of them in a directory: (parts, number of the pattern)."""

    def __init__(self, patterns):
        self.patterns, self.found, self.entries = patterns, {}, 0
        self.matched = set()

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
        if not deeper or len(path) == DEPTH_MOST:
            return
        try:
            below = open_file(name, DIRECTORY, dir_fd=folder)
        except OSError:
            return  # no directory, or a link
        try:
            self.look(below, path, deeper)
        finally:
            close_file(below)

    def take(self, path, number):
        self.matched.add(number)
        self.found[path] = None


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
        self.directory, self.limit, self.patterns = directory, limit, patterns
        self.frames, self.notes = [], []
        self.over = 0  # that would have come back

    def add(self, path):
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
                why = headline_of(error)[:200]
        if why:
            self.notes.append(f"{name[:200]!r} is left out: {why}")

    def add_opened(self, name, file):
        """Why not; None or empty if all is well."""
        status = file_status(file)
        kind = status.st_mode & FILE_TYPE
        if kind == FOLDER:
            return "it is a directory" if name in self.patterns else None
        if kind != PLAIN_FILE:
            return "it is not a plain file"
        if len(self.frames) == FILES_MOST:
            self.over += 1
            return None
        data = read_file(file, self.limit) if status.st_size <= self.limit else None
        if data is None:
            return f"{status.st_size} bytes or more are too many (limit {self.limit})"
        self.limit -= len(data)
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
    search.found.pop(("script.py",), None)
    for path in search.found:
        files.add(path)
    if files.over:
        files.notes.append(f"{files.over} more files are left out: {FILES_MOST} at most")
    for number, pattern in enumerate(patterns):
        if number not in search.matched:
            files.notes.append(f"nothing matches {pattern[:200]!r}")
    if search.entries > ENTRIES_MOST:
        files.notes.append(f"not all files were looked at: {ENTRIES_MOST} at most")
    return files.frames, files.notes
