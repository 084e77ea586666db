"""Modules that come with a request, and what else a script may choose once in its interpreter."""
import base64

import pytest

SCRIPT = "import sys, {0}\ndef main(): return [{0}.__file__.startswith(sys.path[0]), getattr({0}, 'WHOSE', None)]\n"


def sent(**modules):
    return {name.replace("__slash__", "/") + ".py": base64.b64encode(f"WHOSE = {text!r}\n".encode()).decode() for name, text in modules.items()}


def result(service, script, **fields):
    answer = service.execute(script, **fields)
    assert answer.status == 200, answer
    return answer.json["result"]


@pytest.mark.parametrize("name", "utils secrets statistics calendar queue random platform copy html colorsys types six requests numpy json".split())
def test_a_module_that_is_sent_is_the_one_that_is_imported(service, name):
    assert result(service, SCRIPT.format(name), files=sent(**{name: "mine"})) == [True, "mine"]
    if name != "utils":  # there is no other one
        assert result(service, SCRIPT.format(name)) == [False, None], "the next request has the other one"


def test_a_package_that_is_sent_comes_with_what_is_in_it(service):
    files = sent(html__slash____init__="package", html__slash__parser="mine")
    assert sorted(files) == ["html/__init__.py", "html/parser.py"]
    assert result(service, "import html.parser\ndef main(): return [html.WHOSE, html.parser.WHOSE]\n", files=files) == ["package", "mine"]


def test_a_folder_is_no_package_where_there_is_one(service):
    script = "import html.parser\ndef main(): return html.parser.__name__ + str(hasattr(html.parser, 'WHOSE'))\n"
    assert result(service, script, files=sent(html__slash__parser="mine")) == "html.parserFalse"


@pytest.mark.parametrize("name", ["os", "sys", "io", "site", "__main__"])
def test_what_every_interpreter_has_begun_with_stays(service, name):
    script = f"import {name}\ndef main(): return hasattr({name}, 'WHOSE')\n"
    assert result(service, script, files=sent(**{name: "mine"})) is False


@pytest.mark.plain_memory
@pytest.mark.mode_independent
def test_libraries_that_are_loaded_go_on_with_what_they_have(service):
    """Where they are not loaded yet, they find what a plain interpreter's would."""
    script = "import random, numpy, pandas, json\ndef main(): return [random.WHOSE, float(numpy.random.default_rng(1).random()) < 1, int(pandas.Series([1, 2]).sum())]\n"
    assert result(service, script, files=sent(random="mine", copy="mine")) == ["mine", True, 3]


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_start_method_can_be_chosen_once(service, method):
    script = f"""
import multiprocessing
def main():
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method({method!r})
    try:
        multiprocessing.set_start_method({method!r})
    except RuntimeError:
        return [before, multiprocessing.get_start_method()]
"""
    assert result(service, script) == [None, method]
