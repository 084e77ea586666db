"""Two or more scripts at the same time: in the service, each in its sandbox, and without it, as
processes of one throw-away machine, where one can tell the other how far it is. In the service it cannot:
each script stays there for a while, and says from when to when."""
from concurrent.futures import ThreadPoolExecutor

from attempts import script
from support import control
from support.client import Client

STAY = """
STRETCH = 1
def stay(seconds, function):
    began = time.monotonic()
    result = function()
    if not OUTSIDE: time.sleep(max(0, began + seconds * STRETCH - time.monotonic()))
    return [result, began, time.monotonic()]
def tell(what):
    if OUTSIDE: os.mkdir('../' + what)
def told(what):
    return OUTSIDE and os.path.exists('../' + what)
def wait(what, seconds):
    "Until the other one tells it; for so long where nobody can."
    end = time.monotonic() + (30 if OUTSIDE else seconds)
    while not told(what) and time.monotonic() < end: time.sleep(0.02)
"""


def stays(seconds, *lines, before=""):
    """A script whose lines run as a function, and which does not end before its time."""
    body = ["def body():", *(f"    {line}" for line in lines), f"return stay({seconds}, body)"]
    return script(*body, before=STAY + before)


def at_once(service, *texts):
    """The results of all; fails if one did not succeed, or they did not run at the same time even when
    they stay for longer: one may be late on its way to its slot."""
    for stretch in (1, 2, 4, 8):
        stretched = [text.replace("STRETCH = 1", f"STRETCH = {stretch}") for text in texts]
        with ThreadPoolExecutor(len(texts)) as pool:
            answers = list(pool.map(lambda text: Client(service.port).execute(text), stretched))
        assert all(answer.status == 200 for answer in answers), answers
        rows = [answer.json["result"] for answer in answers]
        if max(row[1] for row in rows) < min(row[2] for row in rows):
            return [row[0] for row in rows]
    raise AssertionError("not at the same time")


WITHOUT = """
import json, types
def start(number, text):
    r, w = os.pipe()
    if os.fork() == 0:
        os.mkdir(f'/tmp/neighbour-{number}')
        os.chdir(f'/tmp/neighbour-{number}')
        module = types.ModuleType('script')
        exec(text, module.__dict__)
        os.write(w, json.dumps(module.main()).encode())
        os._exit(0)
    os.close(w)
    return r
def result(r):
    text = b''.join(iter(lambda: os.read(r, 65536), b''))
    return json.loads(text)[0] if text else None
"""


def without_layers(*texts, before="", **options):
    """The same, side by side with nothing between them; None of one that died."""
    text = script("readers = [start(*item) for item in enumerate(TEXTS)]", "return [result(r) for r in readers]",
                  before=f"TEXTS = {texts!r}\n" + WITHOUT)
    return control.run(text, before, **options).result
