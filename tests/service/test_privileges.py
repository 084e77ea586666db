"""What the processes of the service may do, seen from outside: the server nothing, the script less."""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import procs
from support.client import Client

SET = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def test_server_has_no_root_rights(service):
    pid = service.server_pid()
    status = procs.status(pid)
    assert "0" not in status["Uid"].split() + status["Gid"].split(), status
    assert "0" not in status["Groups"].split(), status
    assert {int(status[name], 16) for name in SET} == {0}, status
    assert status["NoNewPrivs"] == "1"


def test_server_is_undumpable(service):
    """proc(5): the files of an undumpable process belong to root, whoever it runs as."""
    pid = service.server_pid()
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    assert procs.status(pid)["Uid"].split()[0] != "0"  # the control: they would belong to this uid


@pytest.mark.plain_memory
def test_roles_are_programs_of_their_own(service):
    """Started by exec, not only forked: no role inherits another's memory."""
    pids = [service.pid, service.server_pid(), service.zygote_pid()]
    assert len(set(pids)) == 3
    starts = {open(f"/proc/{pid}/maps", encoding="ascii").readline() for pid in pids}
    assert len(starts) == 3, "address space layouts differ only after exec"


def test_zygote_listens_nowhere_and_monitor_serves_nobody(service):
    assert procs.listens_on(service.port) in ([service.server_pid()], [service.pid, service.server_pid()])


INSIDE = """
import os, resource
def main():
    status = dict(l.split(":\\t", 1) for l in open('/proc/self/status').read().splitlines() if ":\\t" in l)
    names = ('Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')
    return {'status': {n: status[n].split() for n in names}, 'environ': dict(os.environ), 'cwd': os.getcwd(),
            'fds': sorted(int(n) for n in os.listdir('/proc/self/fd')), 'pid': os.getpid(), 'sid': os.getsid(0),
            'limits': {n: resource.getrlimit(getattr(resource, n)) for n in ('RLIMIT_FSIZE', 'RLIMIT_CORE')},
            'umask': os.umask(0o77), 'root': sorted(os.listdir('/')), 'nets': os.listdir('/sys/class/net') if os.path.isdir('/sys/class/net') else []}
"""


@pytest.fixture(scope="module")
def inside(start_server):
    server = start_server("--slots=1", environment={"CR_TEST_SECRET": "a-secret-of-the-operator"})
    answer = server.execute(INSIDE)
    assert answer.status == 200, answer
    return answer.json["result"]


def test_script_has_no_rights(inside):
    status = inside["status"]
    assert "0" not in status["Uid"] + status["Gid"] + status["Groups"], status
    assert {int(status[name][0], 16) for name in SET} == {0}, status
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])


def test_policy_comes_in_two_parts(service, inside):
    """The zygote is under the first, and what it forks inherits it; whoever started the service may have filters too."""
    own, server, zygote = (procs.status(pid) for pid in (os.getpid(), service.server_pid(), service.zygote_pid()))
    outside = int(own["Seccomp_filters"])
    assert int(server["Seccomp_filters"]) == outside
    assert (zygote["NoNewPrivs"], zygote["Seccomp"], int(zygote["Seccomp_filters"])) == ("1", "2", outside + 1)
    assert int(inside["status"]["Seccomp_filters"][0]) == outside + 2


def test_script_inherits_four_descriptors(inside):
    """stdin, stdout, stderr, the channel; and the folder that listdir() itself reads."""
    assert inside["fds"][:3] == [0, 1, 2]
    assert len(inside["fds"]) <= 5, inside["fds"]


def test_script_sees_none_of_the_services_environment(inside):
    assert "CR_TEST_SECRET" not in inside["environ"]
    assert not [value for value in inside["environ"].values() if "a-secret-of-the-operator" in value]
    assert not [name for name in inside["environ"] if name in ("PORT", "SUDO_USER", "SSH_CONNECTION")]


def test_limits_of_the_script(inside):
    assert inside["limits"]["RLIMIT_FSIZE"] == [10 << 20, 10 << 20]
    assert inside["limits"]["RLIMIT_CORE"][1] <= 1


def test_root_of_the_script_is_its_own(inside):
    assert not {"root", "home", "boot", "srv", "mnt", "media", "opt"} & set(inside["root"]), inside["root"]
    assert inside["nets"] in ([], ["lo"])


def test_two_slots_have_two_uids(start_server):
    server = start_server("--slots=2")
    script = "import os, time\ndef main():\n    begin = time.monotonic()\n    time.sleep(0.3)\n    return os.getuid(), begin, time.monotonic()\n"
    own = procs.status(server.server_pid())["Uid"].split()[0]
    rounds = met = 0
    with ThreadPoolExecutor(2) as pool:
        while rounds < 12 or met < 6 and rounds < 60:  # two that start in the same moment, again and again
            rounds += 1
            answers = pool.map(lambda _: Client(server.port).execute(script), range(2))
            (a, begin_a, end_a), (b, begin_b, end_b) = (answer.json["result"] for answer in answers)
            assert own not in (str(a), str(b))
            if begin_a < end_b and begin_b < end_a:
                met += 1
                assert a != b
    assert met >= 6, met
