"""Who runs first when all processors are busy: the server before scripts; what makes workers interrupts nobody."""
import ctypes
import inspect
import os
import platform
import re
import subprocess

import pytest

from support import procs
from support.gauges import until_workers_wait

LIBC = ctypes.CDLL(None, use_errno=True)
SCHED_SETATTR, SCHED_GETATTR = {"x86_64": (314, 315), "aarch64": (274, 275)}[platform.machine()]
SERVER_SLICE_NS = 100_000
WAITING_SLICE_NS = 20_000_000


class Attributes(ctypes.Structure):
    """sched_setattr(2)"""
    _fields_ = [("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64),
                ("nice", ctypes.c_int32), ("priority", ctypes.c_uint32), ("runtime", ctypes.c_uint64),
                ("deadline", ctypes.c_uint64), ("period", ctypes.c_uint64)]


def look(pid):
    """(policy, slice in ns: 0 where the kernel has none)"""
    found = Attributes()
    assert LIBC.syscall(SCHED_GETATTR, pid, ctypes.byref(found), ctypes.sizeof(found), 0) == 0, os.strerror(ctypes.get_errno())
    return found.policy, found.runtime


@pytest.fixture(scope="module")
def kernel_has():
    """What the kernel makes of a process that asks for SCHED_BATCH and a slice: (policy, slice), or None if it cannot."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        wanted = Attributes(size=ctypes.sizeof(Attributes), policy=os.SCHED_BATCH, nice=os.getpriority(os.PRIO_PROCESS, 0),
                            runtime=SERVER_SLICE_NS)
        if LIBC.syscall(SCHED_SETATTR, 0, ctypes.byref(wanted), 0) == 0:
            os.write(writer, repr(look(0)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with open(reader, encoding="ascii") as file:
        policy, _, slice_ns = file.read().strip("()").partition(", ")
    return (int(policy), int(slice_ns)) if policy else None


def test_zygote_waits_for_others(service, kernel_has):
    assert os.sched_getscheduler(service.zygote_pid()) == (kernel_has[0] if kernel_has else os.SCHED_OTHER)


def test_server_waits_for_nobody(service, kernel_has):
    assert os.sched_getscheduler(service.server_pid()) == os.SCHED_OTHER
    if kernel_has and kernel_has[1]:
        assert look(service.server_pid()) == (os.SCHED_OTHER, SERVER_SLICE_NS)


@pytest.mark.parametrize("pool, told", [(0, [("OTHER", 0)]), (1, [("BATCH", WAITING_SLICE_NS), ("OTHER", 0)])],
                         ids=["made on demand", "made ahead"])
def test_only_a_worker_that_nobody_waits_for_is_made_behind_others(start_server, tmp_path, pool, told):
    """What each one tells the kernel of itself, from its fork to its script."""
    trace = ("strace", "-D", "-f", "-qq", "-o", str(tmp_path / "log"), "-e", "trace=sched_setattr", "-e", "signal=none")
    server = start_server("--slots=1", f"--pool={pool}", wrapper=trace)
    known = server.server_pid(), server.zygote_pid()
    until_workers_wait(server, pool)
    assert server.execute("def main(): return 1").json["result"] == 1
    server.stop()
    calls = re.findall(r"^(\d+) .*sched_policy=SCHED_(\w+),.*sched_runtime=(\d+)", (tmp_path / "log").read_text(), re.MULTILINE)
    workers = dict.fromkeys(int(pid) for pid, _, _ in calls if int(pid) not in known)
    at_start, first, *_ = ([(policy, int(slice_ns)) for by, policy, slice_ns in calls if int(by) == pid] for pid in workers)
    assert at_start == [("OTHER", 0)]  # everybody waits for it
    assert first == told


def test_script_is_as_others_are(service):
    """Warm, its process was one that waits; cold as well, until it became python3."""
    script = f"""
import ctypes
import os
LIBC = ctypes.CDLL(None, use_errno=True)
SCHED_GETATTR = {SCHED_GETATTR}
{inspect.getsource(Attributes)}
{inspect.getsource(look)}
def main(): return [os.nice(0), *look(0)]
"""
    nice, policy, slice_ns = service.execute(script).json["result"]
    assert policy in (os.SCHED_OTHER, os.SCHED_IDLE)  # the second where there is no cgroup
    assert nice == os.getpriority(os.PRIO_PROCESS, service.server_pid())
    assert slice_ns == look(os.getpid())[1] != SERVER_SLICE_NS


def test_what_is_forked_shares_a_session_that_is_not_the_servers(service):
    """One share for the server, one for all scripts, where the kernel shares processors among sessions first."""
    zygote = service.zygote_pid()
    assert procs.session(zygote) == zygote != procs.session(service.server_pid())


def test_script_leads_a_group_or_a_session(service):
    """It has no session of its own where others cannot name its group, nor it write to what counts for the session."""
    layers = service.client.get("/ready").json["layers"]
    leads, own = service.execute("import os\ndef main(): return os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()").json["result"]
    assert leads
    assert own is not ("namespaces" in layers and "landlock" in layers)


@pytest.mark.parametrize("flags", [(), ("--without=landlock",)], ids=["all layers", "without Landlock"])
def test_script_does_not_weigh_the_session(start_server, flags):
    """proc(5), sched(7): who may write there sets how nice a whole session is. Executed, a program is dumpable again."""
    service = start_server("--slots=1", *flags)

    def nice_of(pid):
        try:
            with open(f"/proc/{pid}/autogroup", encoding="ascii") as file:
                return file.read().split()[-1]
        except FileNotFoundError:
            return "no such thing here"
    before = nice_of(service.zygote_pid())
    found = service.execute("import subprocess\ndef main(): return subprocess.run(['sh', '-c', 'echo 7 >/proc/self/autogroup']).returncode")
    assert found.status == 200, found
    assert nice_of(service.zygote_pid()) == before


def test_what_the_operator_chose_stays(start_server):
    """chrt(1): for the whole service, and so for scripts."""
    if subprocess.run(["chrt", "--batch", "0", "true"], check=False).returncode != 0:
        pytest.skip("this kernel has no other policy")
    server = start_server("--slots=1", wrapper=("chrt", "--batch", "0"))  # with --idle it may not get to start beside other work
    script = "import os\ndef main(): return os.sched_getscheduler(0)"
    found = [os.sched_getscheduler(pid) for pid in (server.pid, server.server_pid(), server.zygote_pid())]
    assert [*found, server.execute(script).json["result"]] == [os.sched_getscheduler(server.pid)] * 4
    assert found[0] in (os.SCHED_BATCH, os.SCHED_OTHER)  # the second where the kernel knows no other (gVisor)
