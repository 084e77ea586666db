"""patterns: which names fit one part of a pattern, the text between two slashes. Bounded in time, whatever it is."""


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
