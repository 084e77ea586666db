"""Figures come back as PNG, in order, without the script doing anything; and cost nothing else."""
import base64
import struct
import zlib

import pytest

PLOT = "import matplotlib.pyplot as plt\n"


def main(*lines, before=PLOT):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


def sizes(answer):
    """Width and height of each figure; each is a whole PNG."""
    assert answer.status == 200, answer
    found = []
    for figure in answer.json.get("figures", []):
        assert set(figure) == {"format", "data"} and figure["format"] == "png"
        data = base64.b64decode(figure["data"], validate=True)
        assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
        at, pixels = 8, b""
        while at < len(data):
            size, kind = struct.unpack(">I4s", data[at:at + 8])
            assert zlib.crc32(data[at + 4:at + 8 + size]) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
            pixels += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
            at += 12 + size
        assert zlib.decompress(pixels)
        found.append(struct.unpack(">II", data[16:24]))
    return found


def size(number, width):
    return f"plt.figure({number}, figsize=({width}, 1), dpi=100)"


GIVES = {  # name: lines, widths of the figures that come back
    "open at the end": ([size(1, 3), "plt.plot([1, 2])"], [300]),
    "shown": ([size(1, 3), "plt.plot([1, 2])", "plt.show()"], [300]),
    "shown one after the other": ([size(1, 3), "plt.show()", size(1, 4), "plt.show()"], [300, 400]),
    "shown together": ([size(1, 3), size(2, 4), "plt.show()"], [300, 400]),
    "some shown, some open": ([size(1, 3), "plt.show()", size(1, 4), size(2, 5)], [300, 400, 500]),
    "by number, not by what is active": ([size(2, 4), size(1, 3), "plt.figure(2)"], [300, 400]),
    "shown and then closed": ([size(1, 3), "plt.show()", "plt.close('all')"], [300]),
    "closed": ([size(1, 3), "plt.close()"], []),
    "saved and closed": ([size(1, 3), "plt.savefig('a.png')", "plt.close()"], []),
    "saved only": ([size(1, 3), "plt.savefig('a.png')"], [300]),
    "shown without waiting": ([size(1, 3), "plt.show(block=False)", "plt.plot([1])"], [300]),
    "interactive": (["plt.ion()", size(1, 3), "plt.show()", "plt.pause(0.01)"], [300]),
    "figure.show": (["f = " + size(1, 3), "f.show()", "plt.show()"], [300]),
    "shown twice": ([size(1, 3), "plt.show()", "plt.show()"], [300]),
    "agg chosen": (["import matplotlib", "matplotlib.use('agg')", size(1, 3), "plt.show()", size(1, 4)], [300, 400]),
    "svg chosen": (["plt.switch_backend('svg')", size(1, 3)], [300]),
    "not pyplot's": (["from matplotlib.figure import Figure", "Figure().savefig('a.png')"], []),
    "a savefig of its own": (["class Own(plt.Figure):", "    def savefig(self, file, format): super().savefig(file, format=format)",
                              "plt.figure(FigureClass=Own, figsize=(3, 1), dpi=100)"], [300]),
    "none": (["pass"], []),
    "bad mathtext, and a good one": ([size(1, 3), "plt.title('$\\\\frac{$')", size(2, 4)], [400]),
}


@pytest.mark.parametrize("name", GIVES)
def test_figures(service, name):
    lines, widths = GIVES[name]
    answer = service.execute(main(*lines, "return 7"))
    assert [width for width, _ in sizes(answer)] == widths, answer
    assert answer.json["result"] == 7 and answer.json["stdout"] == ""
    assert ("figures" in answer.json) == bool(widths)
    assert ("stderr" in answer.json) == ("mathtext" in name), answer


def test_seaborn_and_pandas(service):
    script = main("sns.histplot([1, 2, 3])", "pd.Series([1, 2]).plot()", "plt.show()", "pd.Series([1]).plot(figsize=(3, 1))",
                  before=PLOT + "import pandas as pd\nimport seaborn as sns\n")
    assert len(sizes(service.execute(script))) == 2


def test_a_warm_worker_has_no_figure_of_another(service):
    service.execute(main("plt.plot([1])"))
    for _ in range(5):
        answer = service.execute("def main(): return 1")
        assert answer.body == b'{"result": 1, "stdout": ""}'


@pytest.mark.parametrize("lines", [["plt.title('$\\\\frac{$')"], ["plt.title('$\\\\frac{$')", "plt.show()"],
                                   ["class Bad(Figure):", "    def savefig(self, *a, **k): import sys; sys.exit(3)", "plt.figure(FigureClass=Bad)"],
                                   ["class Bad(Figure):", "    def savefig(self, *a, **k): a[0].write(b'no picture')", "plt.figure(FigureClass=Bad)"]])
def test_one_that_cannot_be_drawn_does_not_lose_the_result(service, lines):
    answer = service.execute(main("plt.close('all')", *lines, "return 'kept'", before=PLOT + "from matplotlib.figure import Figure\n"))
    assert answer.status == 200 and answer.json["result"] == "kept", answer
    assert answer.json["stderr"].startswith("code-runner: figure 1 "), answer
    assert "figures" not in answer.json


def test_at_most_twenty(service):
    answer = service.execute(main("for n in range(23): plt.figure(figsize=(1, 1))", "return 1"))
    assert len(sizes(answer)) == 20
    assert answer.json["stderr"].splitlines()[-1] == "code-runner: 3 more figures are left out: 20 at most"


def test_bytes_are_bounded(start_server):
    small = start_server("--slots=1", "--output-mb=1", libraries=True)
    noise = ["import numpy as np", "for n in range(3):", "    plt.figure(figsize=(5, 5), dpi=100).figimage(np.random.rand(500, 500, 3))"]
    answer = small.execute(main(*noise, "return 1"))
    assert len(sizes(answer)) == 1
    assert answer.json["stderr"].count("is left out: more than 1 MB in all") == 2


def test_too_many_pixels_are_not_drawn(service):
    answer = service.execute(main("plt.figure(figsize=(600, 600), dpi=100)", size(2, 3), "return 1"))
    assert sizes(answer) == [(300, 100)]
    assert "figure 1 is left out: 3600000000 pixels" in answer.json["stderr"]


TIGHT = "plt.rcParams['savefig.bbox'] = 'tight'"


def test_a_tight_picture_is_measured_before_it_is_drawn(service):
    """Text far outside makes it larger than the figure: a gigabyte, on which the result would be lost."""
    far = "plt.text(100, 100, 'far')"
    answer = service.execute(main(TIGHT, size(1, 2), far, size(2, 3), "return 1"))
    assert answer.status == 200 and answer.json["result"] == 1, answer
    assert len(sizes(answer)) == 1
    assert "figure 1 is left out: " in answer.json["stderr"] and "pixels, 25000000 at most" in answer.json["stderr"]


def test_a_tight_picture_is_what_savefig_makes(service):
    """dpi: of the figure, and one for saving alone."""
    saves = ["import io, struct", "plt.text(0.5, 2, 'above')", "seen = io.BytesIO()", "plt.savefig(seen)",
             "return struct.unpack('>II', seen.getvalue()[16:24])"]
    for dpi in ("'figure'", "50", "170"):
        answer = service.execute(main(TIGHT, f"plt.rcParams['savefig.dpi'] = {dpi}", size(1, 3), "plt.plot([1, 4])", *saves))
        assert sizes(answer) == [tuple(answer.json["result"])], answer.json["stdout"]
        if dpi == "'figure'":
            assert answer.json["result"] != [300, 100]


def test_an_error_has_no_figures(service):
    answer = service.execute(main("plt.plot([1])", "plt.show()", "1 / 0"))
    assert answer.outcome == "exception" and "figures" not in answer.json and "stderr" not in answer.json


def test_drawing_has_the_scripts_deadline(service):
    script = main("class Slow(Figure):", "    def savefig(self, *a, **k):", "        print('draws')", "        while True: pass",
                  "plt.figure(FigureClass=Slow)", before=PLOT + "from matplotlib.figure import Figure\n")
    for seconds in (1, 3, 9, 29):  # where libraries are loaded first, or the machine stands still, it does not come to drawing in one
        answer = service.execute(script, timeout_seconds=seconds)
        assert answer.outcome == "timeout" and answer.seconds < seconds + 10, answer
        if answer.json["stdout"]:
            break
    assert answer.json["stdout"] == "draws\n", answer


def test_a_fork_that_returns_sends_no_figures(service):
    answer = service.execute(main("import os", "plt.plot([1])", "if os.fork() == 0: return 'child'", "os.wait()", "return 'parent'"))
    assert answer.json["result"] == "parent" and len(sizes(answer)) == 1


@pytest.mark.parametrize("sabotage", ["sys.modules['matplotlib._pylab_helpers'] = 3", "sys.modules.clear()", "sys.modules['matplotlib._pylab_helpers'].Gcf.figs = {1: 2}",
                                      "sys.modules['matplotlib'] = None", "matplotlib.rcParams = None"])
def test_sabotage_does_not_lose_the_result(service, sabotage):
    answer = service.execute(main("import sys, matplotlib", "plt.plot([1])", sabotage, "return 1"))
    assert answer.status == 200 and answer.json["result"] == 1, answer
    assert len(sizes(answer)) <= 1


def test_warnings_of_libraries_do_not_fail_a_run(service):
    answer = service.execute("import warnings\ndef main():\n    warnings.warn('careful')\n    return 1\n")
    assert answer.status == 200 and answer.json["result"] == 1
    assert set(answer.json) == {"result", "stdout", "stderr"} and "UserWarning: careful" in answer.json["stderr"]
