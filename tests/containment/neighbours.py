"""Two or more scripts at the same time: in the service, each in its sandbox, and without it, as
processes of one throw-away machine. Each script stays for a while, and says from when to when."""
from concurrent.futures import ThreadPoolExecutor

from attempts import script
from support import control
from support.client import Client

STAY = """
def stay(seconds, function):
    began = time.monotonic()
    result = function()
    time.sleep(max(0, began + seconds - time.monotonic()))
    return [result, began, time.monotonic()]
"""


def stays(seconds, *lines, before=""):
    """A script whose lines run as a function, and which does not end before its time."""
    body = ["def body():", *(f"    {line}" for line in lines), f"return stay({seconds}, body)"]
    return script(*body, before=STAY + before)


def at_once(service, *texts):
    """The results of all; fails if one did not succeed, or they did not run at the same time."""
    with ThreadPoolExecutor(len(texts)) as pool:
        answers = list(pool.map(lambda text: Client(service.port).execute(text), texts))
    assert all(answer.status == 200 for answer in answers), answers
    rows = [answer.json["result"] for answer in answers]
    assert max(row[1] for row in rows) < min(row[2] for row in rows), "not at the same time"
    return [row[0] for row in rows]


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
