"""parse: the script's text -> its code, or why there is none. Nothing of the script runs here."""

from harness.failures import Refused, type_name

NO_MAIN = "Script must contain a 'main()' function"
TOO_COMPLEX = "SyntaxError: the script is too deeply nested or too complex to compile"
PARSE_ONLY = 0x400  # ast.PyCF_ONLY_AST

code_type = type(compile("", "", "exec"))


def syntax_refusal(error, sources):
    number, column = error.lineno, error.offset
    message = str(error.msg)
    where = f", line {number}" if number else ""
    line = ""
    if number and sources.line(sources.path, number):
        raw = sources.lines_of[sources.path][number - 1]
        shown = sources.line(sources.path, number)
        line = f'  File "script.py", line {number}\n    {shown}\n'
        column = (column or 0) - 1 - (len(raw) - len(raw.lstrip()))
        if 0 <= column <= len(shown):
            line += "    " + " " * column + "^\n"
        line += f"{type_name(type(error))}: {message}\n"
    return Refused("syntax_error", f"SyntaxError: {message}{where}", line)


def defines_main(tree):
    """Is there a def of main at the top level, or inside if, try or with there?"""
    waiting = [tree.body]
    while waiting:
        for node in waiting.pop():
            kind = type(node).__name__
            if kind in ("FunctionDef", "AsyncFunctionDef"):
                if node.name == "main":
                    return True
            elif kind == "If":
                waiting += node.body, node.orelse
            elif kind == "With":
                waiting.append(node.body)
            elif kind in ("Try", "TryStar"):
                waiting += node.body, node.orelse, node.finalbody
                waiting += [handler.body for handler in node.handlers]
    return False


def shows_main(code, sources):
    """Does a line of its own begin with a def of main? Sure if true, and spares the tree, which is
    a quarter of the work of a small script; false means: look at the tree."""
    lines = sources.lines_of[sources.path]
    for constant in code.co_consts:
        if type(constant) is code_type and constant.co_name == "main":
            # A decorated one begins at its decorator.
            line = lines[constant.co_firstlineno - 1]
            if line.startswith(("def main", "async def main")):
                return True
    return False


def parse(text, sources, compiled=None):
    """compiled: what the first compile() returned or raised, if it was called already."""
    try:
        if isinstance(compiled, BaseException):
            raise compiled
        code = compiled or compile(text, sources.path, "exec", 0, True)
        if shows_main(code, sources):
            return code
        tree = compile(text, sources.path, "exec", PARSE_ONLY, True)
    except SyntaxError as error:
        raise syntax_refusal(error, sources) from None
    except (RecursionError, MemoryError, OverflowError):
        raise Refused("syntax_error", TOO_COMPLEX, "") from None
    except ValueError as error:
        raise Refused("syntax_error", f"SyntaxError: {error}", "") from None
    if not defines_main(tree):
        raise Refused("no_main", NO_MAIN, "")
    return code
