"""No packet leaves a sandbox: socket() itself fails. The controls open the same sockets and reach what
they aim at, in a network namespace of their own."""
import uuid

import pytest

from attempts import REFUSED, inside, script, stopped_by, survey
from neighbours import at_once, stays, without_layers
from support import control, place

SOCKETS = {  # name: family, type, protocol
    "TCP": (2, 1, 0), "UDP": (2, 2, 0), "TCP over IPv6": (10, 1, 0), "UDP over IPv6": (10, 2, 0), "multipath TCP": (2, 1, 262),
    "raw ICMP": (2, 3, 1), "raw IP": (2, 3, 255), "raw IPv6": (10, 3, 58), "ping": (2, 2, 1),
    "packet": (17, 3, 0x300), "packet DGRAM": (17, 2, 0x300),
    "route netlink": (16, 3, 0), "audit netlink": (16, 3, 9), "netfilter netlink": (16, 3, 12), "uevent netlink": (16, 3, 15),
    "TCP with flags": (2, 1 | 0o2000000 | 0o4000, 0),
}
# Families that this kernel may lack. Then no control can succeed: it shows that the call was reached,
# by the kernel's own answer to a family that it does not know, which is not the answer inside.
RARE = {"vsock": (40, 1, 0), "alg": (38, 5, 0), "bluetooth": (31, 3, 1), "can": (29, 3, 1), "tipc": (30, 1, 0), "xdp": (44, 3, 0),
        "smc": (43, 1, 0), "rds": (21, 5, 0), "kcm": (41, 2, 0), "qipcrtr": (42, 2, 0), "family 45": (45, 1, 0), "family 9999": (9999, 1, 0)}
UNKNOWN = {"EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EINVAL"}


@pytest.fixture(scope="module")
def sockets(service):
    return survey(service, {name: f"socket.socket(*{arguments})" for name, arguments in (SOCKETS | RARE).items()},
                  stage="echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")


@stopped_by("seccomp")
@pytest.mark.parametrize("name", SOCKETS)
def test_socket_is_refused(sockets, name):
    outside, within = sockets
    assert outside[name] == "ok"
    assert within[name] in REFUSED


@stopped_by("seccomp")
@pytest.mark.parametrize("name", RARE)
def test_rare_family_is_refused(sockets, name):
    outside, within = sockets
    assert outside[name] in UNKNOWN | {"ok"}, "the control did not reach the call"
    assert within[name] in REFUSED


CONNECT = "socket.create_connection(({!r}, 8099), 15)"
AIMS = {
    "loopback": CONNECT.format("127.0.0.1"), "loopback over IPv6": CONNECT.format("::1"),
    "metadata address": CONNECT.format("169.254.169.254"), "private address": CONNECT.format("10.1.2.3"),
    "metadata over http": "__import__('http.client').client.HTTPConnection('169.254.169.254', 8099, timeout=15).request('GET', '/')",
    "urllib": "__import__('urllib.request').request.urlopen('http://10.1.2.3:8099/', timeout=15)",
    "datagram": "socket.socket(2, 2).sendto(b'x' * 20, ('10.1.2.3', 53))",
    "broadcast": "broadcast()",
    "name": "socket.gethostbyname('somewhere.test')",
    "listen": "socket.create_server(('', 8098))",
    "asyncio": "__import__('asyncio').run(__import__('asyncio').open_connection('10.1.2.3', 8099))",
    "another program": "subprocess.run(['bash', '-c', ': < /dev/tcp/10.1.2.3/8099'], stderr=-3).returncode and check(-1)",
}
BROADCAST = """
def broadcast():
    with socket.socket(2, 2) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(b'x', ('255.255.255.255', 9))
"""
LISTEN = """for address in 10.1.2.3 169.254.169.254; do ip addr add $address/32 dev lo; done
ip route add default dev lo
echo 10.1.2.3 somewhere.test >> $ROOT/etc/hosts
(cd /usr/share/misc && timeout 60 python3 -m http.server 8099 --bind ::) >/dev/null 2>&1 9>&- 3>&- &
for i in $(seq 800); do (: < /dev/tcp/127.0.0.1/8099) 2>/dev/null && break; sleep 0.02; done
"""


@pytest.fixture(scope="module")
def aims(service):
    return survey(service, AIMS, BROADCAST, LISTEN)


@stopped_by("seccomp", "network-namespace")
@pytest.mark.parametrize("name", AIMS)
def test_nothing_is_reached(aims, name):
    outside, within = aims
    assert outside[name] == "ok"
    assert within[name] != "ok"


# requests, which most scripts use: its own exception, and at once.
REQUESTS = script(
    "began, found = time.monotonic(), []", "for host in ('10.1.2.3:8099', '169.254.169.254:8099', 'somewhere.test:8099'):",
    "    try: found.append(requests.get(f'http://{host}/', timeout=20).status_code)",
    "    except requests.exceptions.ConnectionError: found.append('ConnectionError')",
    "return [found, time.monotonic() - began]", before="import requests\n")


@stopped_by("seccomp", "network-namespace")
def test_requests_raises_its_own_exception_at_once(service):
    assert control.run(REQUESTS, LISTEN).result[0] == [200, 200, 200]
    found, seconds = inside(service, REQUESTS)
    assert found == ["ConnectionError"] * 3
    assert seconds < 15  # a host that is waited for takes 20


@stopped_by("seccomp", "network-namespace")
@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_the_services_own_port(service, address):
    text = script(f"return attempt(socket.create_connection, ({address!r}, {service.port}), 15)")
    assert control.run(text, own_network=False).result == "ok"
    assert inside(service, text) != "ok"


# Who is connected with whom, and what the machine's addresses are: lines beside the first, and what is not zero.
CONNECTIONS = script(
    "found = []", "for folder in ('/proc/net', '/proc/self/net', '/proc/thread-self/net', f'/proc/self/task/{os.getpid()}/net', f'/proc/{os.getppid() or 1}/net'):",
    "    for name in ('tcp', 'tcp6', 'udp', 'unix', 'route', 'fib_trie'):",
    "        try: lines = open(folder + '/' + name).read().splitlines()", "        except OSError: continue",
    "        if [line for line in lines[1:] if line.strip()]: found.append(folder + '/' + name)",
    "return found")


@stopped_by("network-namespace", "private-proc", "landlock")
def test_connections_of_others_are_not_read(service):
    found = control.run(CONNECTIONS, own_network=False).result
    assert {"/proc/net/tcp", "/proc/self/net/tcp"} <= set(found) and any("/task/" in path for path in found), found
    # What docs/security.md names: in gVisor a process sees the network of each process that it can list.
    others = "/proc/1/" if "file-modes" in service.layers else "none"
    assert [path for path in inside(service, CONNECTIONS) if not path.startswith(others)] == []


@stopped_by("seccomp")
def test_socketpair_cannot_send_to_names(service):
    """A datagram pair could be bound and aimed at others; a stream pair cannot."""
    text = script("return [attempt(socket.socketpair, 1, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET,"
                  " socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)]")
    assert control.run(text).result == ["ok"] * 5
    stream, packets, *others = inside(service, text)
    assert (stream, packets) == ("ok", "ok")
    assert set(others) <= REFUSED


def listener(names):
    return stays(
        0.7, "kept = []", f"for name in {names}:",
        "    try: s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(); kept.append(s)", "    except OSError: continue",
        "    if name[0] != chr(0): os.chmod(name, 0o777)",
        "tell('bound')", "wait('called', 0.6)", "return len(kept)")


def caller(names):
    return stays(
        0.7, "wait('bound', 0)", "met, end = set(), time.monotonic() + (0 if OUTSIDE else 0.6)", "while True:", f"    for name in {names}:",
        "        try:", "            with socket.socket(socket.AF_UNIX) as s: s.connect(name); met.add(name)",
        "        except OSError: pass", "    if time.monotonic() > end: break", "    time.sleep(0.02)", "tell('called')", "return sorted(met)")


UNIX_NAMES = {  # name: expression of the names that one binds, of those that the other one tries
    "abstract": ("[chr(0) + '{0}']", "[chr(0) + '{0}']"),
    # Also by the names that the service gives, which need not be listed.
    "path": ("['{0}', '/tmp/{0}', '/dev/shm/{0}', '/var/tmp/{0}']",
             "['/tmp/{0}', '/dev/shm/{0}', '/var/tmp/{0}', *__import__('glob').glob('../*/{0}'), *__import__('glob').glob('/tmp/*/*/{0}'), "
             "*(f'../../slot-{{n}}/work/{0}' for n in range(8))]"),
}


@stopped_by("network-namespace", "private-root", "landlock-scopes", "seccomp")
@pytest.mark.parametrize("kind", UNIX_NAMES)
def test_unix_names_are_private_to_a_sandbox(service, kind):
    token = "u" + uuid.uuid4().hex
    bound, tried = (expression.format(token) for expression in UNIX_NAMES[kind])
    texts = listener(bound), caller(tried)
    kept, met = without_layers(*texts)
    assert kept > 0 and met
    assert at_once(service, *texts)[1] == []


@stopped_by("private-root", "landlock", "seccomp")
def test_a_unix_socket_beside_the_service_is_out_of_reach(service):
    name, here = (f"/var/tmp/cr-test-{uuid.uuid4().hex}" for _ in range(2))
    text = script("s = socket.socket(socket.AF_UNIX)", f"return attempt(s.connect, {name!r})")
    with place.Machine().listener(here):
        # The folder itself: a socket is another one in a copy of its folder.
        assert control.run(text.replace(name, here), "mount --bind /var/tmp $ROOT/var/tmp").result == "ok"
    with service.place.listener(name):
        answer = service.execute(text)
        # socket() may be refused already.
        assert answer.json.get("result") in REFUSED or "PermissionError" in answer.json["error"], answer
