"""figures: matplotlib's, as PNG: what plt.show() shows, and what is still open when main() has returned.
Does nothing where matplotlib is not used, and imports nothing of it."""

import sys

from _frozen_importlib_external import PathFinder
from _io import BytesIO

from harness.channel import FRAME_FIGURE, frame_of
from harness.failures import headline_of

FIGURES_MOST = 20
PIXELS_MOST = 25_000_000  # four bytes each while it is drawn
PNG = b"\x89PNG\r\n\x1a\n"
BACKEND = "matplotlib.backends.backend_agg"

modules = sys.modules


class Figures:
    """Those of one run. `limit`: bytes of all together."""

    def __init__(self, limit):
        self.limit, self.left, self.count, self.over = limit, limit, 0, 0
        self.pictures, self.notes = [], []

    def add(self, figure):
        """Raises what the drawing raises."""
        self.count += 1
        if len(self.pictures) == FIGURES_MOST:
            self.over += 1
            return
        dpi = dpi_of(figure)
        box = tight_box(figure, dpi)
        pixels = pixels_of(figure, dpi, box)
        if not pixels <= PIXELS_MOST:  # it may be no number
            text = f"{pixels:.0f} pixels, {PIXELS_MOST} at most"
            self.notes.append(f"figure {self.count} is left out: {text}")
            return
        buffer = BytesIO()
        figure.savefig(buffer, format="png", **({} if box is None else {"bbox_inches": box}))
        data = buffer.getvalue()
        if not data.startswith(PNG):
            self.notes.append(f"figure {self.count} is left out: what was drawn is no PNG")
        elif len(data) > self.left:
            text = f"more than {self.limit >> 20} MB in all"
            self.notes.append(f"figure {self.count} is left out: {text}")
        else:
            self.left -= len(data)
            self.pictures.append(data)

    def add_open(self, catch):
        """All that pyplot has open, in the order of their numbers. One that cannot be drawn is a note."""
        for manager in open_managers():
            try:
                self.add(manager.canvas.figure)
            except catch as error:
                text = headline_of(error)[:300]
                self.notes.append(f"figure {self.count} could not be drawn: {text}")


current = Figures(0)  # of the run of this process


def begin(limit):
    global current
    current = Figures(limit)
    return current


def dpi_of(figure):
    dpi = modules["matplotlib"].rcParams["savefig.dpi"]
    return float(figure.dpi if dpi == "figure" else dpi)


def tight_box(figure, dpi):
    """What savefig.bbox = "tight" is to show, in inches: as savefig() would find it, which draws it then
    however large it is. None: the whole figure, and no more."""
    rc = modules["matplotlib"].rcParams
    if rc["savefig.bbox"] != "tight" or pixels_of(figure, dpi, None) > PIXELS_MOST:
        return None
    kept = figure.dpi
    figure.dpi = dpi
    try:
        figure.draw_without_rendering()
        return figure.get_tightbbox().padded(rc["savefig.pad_inches"])
    finally:
        figure.dpi = kept


def pixels_of(figure, dpi, box):
    width, height = figure.get_size_inches() if box is None else (box.width, box.height)
    return float(width) * dpi * float(height) * dpi


def open_managers():
    helpers = modules.get("matplotlib._pylab_helpers")
    if helpers is None or not helpers.Gcf.figs:
        return []
    return sorted(helpers.Gcf.figs.values(), key=lambda manager: manager.num)


def show(*, block=None):
    """Instead of the backend's, which has no windows to show: as if they were looked at and closed. One
    that would not wait leaves them open, so they are drawn at the end."""
    if block is None:
        block = not modules["matplotlib"].is_interactive()
    if block:
        current.add_open(Exception)
        modules["matplotlib._pylab_helpers"].Gcf.destroy_all()


class Watch:
    """Puts show() into the backend when that is imported, and is gone then."""

    def find_spec(self, name, path=None, target=None):
        if name != BACKEND:
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_replace(module):
                execute(module)
                module.show = show

            spec.loader.exec_module = execute_and_replace
        return spec


def watch():
    """Before a script, or before the zygote loads libraries."""
    if BACKEND not in modules and not any(type(finder) is Watch for finder in sys.meta_path):
        sys.meta_path.insert(0, Watch())


def collect():
    """(frames, notes). Never raises."""
    figures = current
    begin(0)
    try:
        figures.add_open(BaseException)
    except BaseException as error:
        figures.notes.append("figures could not be looked at: " + headline_of(error)[:300])
    if figures.over:
        figures.notes.append(f"{figures.over} more figures are left out: {FIGURES_MOST} at most")
    return [frame_of(FRAME_FIGURE, data) for data in figures.pictures], figures.notes
