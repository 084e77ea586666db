"""The texts that the sources have for people who send scripts: errors of the server (C), errors and notes of the harness (Python). Each
as a sample, with x in the place of what differs.

Must not know what the documentation says of them.
"""
import ast
import re

from support.server import TOP

# What is for the operator, at the start or in the log, or for programs.
OTHER = {"config.c", "config_format.c", "config_machine.c", "config_table.c", "control.c", "cors.c", "http_listen.c", "http_metrics.c",
         "http_page.c", "log.c", "log_format.c", "log_text.c", "main.c", "mcp_tool.c", "metrics.c", "metrics_text.c", "monitor.c", "pool.c",
         "pool_worker.c", "privileges.c", "process_stats.c", "server.c", "tokens.c", "tokens_load.c", "zygote_link.c",
         "rehearse.py"}
LITERAL = r'"((?:[^"\\\n]|\\.)*)"'
JOINED = r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*'
CALLS = {"exit_call(error)": "sys.exit(x)"}
MACROS = {"SCRIPT_NAME": '"script.py"', "MCP_TOOL_NAME": '"run_python"', "PRIu64": '"u"'}


def c_texts(source):
    """Literals as the compiler joins them, of what is neither a comment nor for the log."""
    source = re.sub(r"/\*.*?\*/|log_line\(.*?\);", "", source, flags=re.S)
    source = re.sub(r"^#.*$", "", source, flags=re.M)
    for name, text in MACROS.items():
        source = source.replace(name, text)
    for joined in re.findall(JOINED, source):
        text = ast.literal_eval('"' + "".join(re.findall(LITERAL, joined)) + '"')
        inner = re.match(r'\{"error": "(.*)", "outcome"', text)
        text = (inner.group(1) if inner else text).replace("signal %d%s%s%s", "signal %d (SIG%s)")
        yield re.sub(r"%(?:\.\*s|\.10g|zu|zd|s|u|d)", "x", text)


def of_server():
    """Those of more than one word. Some are parts of others: they begin with a small letter."""
    paths = [path for path in (TOP / "src").glob("*.c") if path.name not in OTHER]
    return {text for path in paths for text in c_texts(path.read_text())
            if re.match(r"[A-Za-z][\w.-]* +[^ ]", text) and not text.startswith("default-src")}


def python_text(node, known):
    """What an expression makes."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(python_text(part, known) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return "'x'" if node.conversion == ord("r") else CALLS.get(ast.unparse(node.value), "x")
    if isinstance(node, ast.BinOp):
        return python_text(node.left, known) + python_text(node.right, known)
    if isinstance(node, ast.Subscript):
        return python_text(node.value, known)
    return known.get(ast.unparse(node), "x")


def of_harness():
    """(errors, notes)"""
    errors, notes = set(), set()
    for path in (TOP / "sandbox" / "harness").glob("*.py"):
        tree = ast.parse(path.read_text())
        known = {ast.unparse(node.targets[0]): python_text(node.value, {}) for node in ast.walk(tree)
                 if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.JoinedStr))}
        for node in ast.walk(tree) if path.name not in OTHER else ():
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in ("Refused", "error_frame") and len(node.args) > 1:
                errors.add(python_text(node.args[1], known))
            elif name.endswith("notes.append") or (name, path.name) == ("lines.append", "answer.py"):
                notes.add(python_text(node.args[0], known).removeprefix("code-runner: ").strip())
    return errors, notes
