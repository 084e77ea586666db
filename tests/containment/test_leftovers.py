"""What a script leaves behind is gone for the next one, however much it is and however it is hidden,
and the next one starts at once."""
import uuid

import pytest

from attempts import script, stopped_by
from support import control
from support.server import TIME_FACTOR

PLACES = ("", "/tmp/", "/dev/shm/", "/var/tmp/", "/run/", "/home/")
LEAVE = {  # name: what is left under NAME, in the current folder
    "file": ["open(NAME, 'w').close()"],
    "folder": ["os.mkdir(NAME)", "open(NAME + '/x', 'w').close()"],
    "file opened to all": ["open(NAME, 'w').close()", "os.chmod(NAME, 0o777)"],
    "file closed to all": ["os.mknod(NAME, 0)", "os.chmod(NAME, 0)"],
    "link": ["os.symlink('/', NAME)"],
    "pipe": ["os.mkfifo(NAME)"],
    "deep tree": ["os.mkdir(NAME)", "os.chdir(NAME)", "for _ in range(2000): os.mkdir('d'); os.chdir('d')"],
    "deep tree closed to all": ["os.mkdir(NAME)", "os.chdir(NAME)", "for _ in range(300): os.mkdir('d'); os.chdir('d')",
                                "for _ in range(300): os.chmod('.', 0) if os.getuid() == 0 else None; os.chdir('..'); os.chmod('d', 0)", "os.chmod('.', 0)"],
    "many files": ["os.mkdir(NAME)", "for n in range(3900): os.mknod(f'{NAME}/{n}')"],
    "many folders closed to all": ["os.mkdir(NAME)", "for n in range(1500): os.mkdir(f'{NAME}/{n}'); os.chmod(f'{NAME}/{n}', 0)", "os.chmod(NAME, 0)"],
    "long names": ["os.mkdir(NAME)", "for n in range(500): os.mknod(f'{NAME}/{n:04}' + 'x' * 250)"],
    "folder that stays": ["os.mkdir(NAME)", "os.chdir(NAME)", "os.chmod('.', 0o1000)", "time.sleep(0)"],
    "as large as may be": ["os.mkdir(NAME)", "try:", "    for n in range(12): open(f'{NAME}/{n}', 'wb').write(bytes(9 << 20))", "except OSError: pass"],
}


# What cannot be looked into counts as too much, if it is looked at in time.
TOO_MUCH = ("deep tree", "deep tree closed to all", "folder that stays", "many files", "many folders closed to all", "as large as may be")


@pytest.fixture(scope="module")
def single(start_server):
    return start_server("--slots=1")


@stopped_by("server", "private-root")
@pytest.mark.parametrize("name", LEAVE)
def test_nothing_is_left(single, name):
    mark = "left-" + uuid.uuid4().hex[:12]
    plant = script("home, left = os.getcwd(), []", "for place in PLACES:", f"    os.chdir(home); NAME = place + '{mark}'",
                   "    try:", *(f"        {line}" for line in LEAVE[name]), "    except OSError: pass",
                   "    os.chdir(home)", "    if os.path.lexists(NAME): left.append(place)", "return left",
                   before=f"PLACES = {PLACES if name in ('file', 'file opened to all') else PLACES[:2]!r}\n")
    look = script(f"return [place for place in {PLACES!r} if os.path.lexists(place + '{mark}')]")
    both = plant.replace("def main", "def plant") + look.replace("def main", "def look") + "def main():\n    return [plant(), look()]\n"
    planted, seen = control.run(both).result
    assert planted == seen and {"", "/tmp/"} <= set(seen)
    for _ in range(6):  # what hinders the next one does so each time
        answer = single.execute(plant)
        if "private-root" in single.layers or answer.status == 200:
            assert "" in answer.json["result"], answer
        else:  # counted, not refused: ended for what it has
            assert name in TOO_MUCH and (answer.outcome, "files" in answer.json["error"]) == ("killed", True), answer
        answer = single.execute(look)
        assert answer.json["result"] == [], answer
        assert not [place for place in PLACES if place and single.place.exists(place + mark)]
        if answer.seconds < 2 * TIME_FACTOR:
            break
    assert answer.seconds < 2 * TIME_FACTOR
