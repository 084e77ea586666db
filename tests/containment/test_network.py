"""No packet leaves a sandbox: socket() itself fails. The controls open the same sockets and reach what
they aim at, in a network namespace of their own."""
import socket
import threading
import uuid

import pytest

from attempts import inside, script
from support import control
from support.client import Client

REFUSED = {"EPERM", "EACCES", "EAFNOSUPPORT"}

SOCKETS = {  # name: family, type, protocol
    "TCP": (2, 1, 0), "UDP": (2, 2, 0), "TCP over IPv6": (10, 1, 0), "UDP over IPv6": (10, 2, 0),
    "raw ICMP": (2, 3, 1), "raw IP": (2, 3, 255), "raw IPv6": (10, 3, 58), "packet": (17, 3, 0x300), "packet DGRAM": (17, 2, 0x300),
    "route netlink": (16, 3, 0), "audit netlink": (16, 3, 9), "uevent netlink": (16, 3, 15),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_socket_is_refused(service, name):
    text = script(f"return attempt(socket.socket, *{SOCKETS[name]})")
    assert control.run(text).result == "ok"
    assert inside(service, text) in REFUSED


# Families that this kernel may lack: its own answer to a family that it does not know differs from
# the filter's, so the control shows that the call was really reached.
RARE = {"vsock": (40, 1, 0), "alg": (38, 5, 0), "bluetooth": (31, 3, 1), "can": (29, 3, 1), "tipc": (30, 1, 0),
        "xdp": (44, 3, 0), "smc": (43, 1, 0), "rds": (21, 5, 0), "family 45": (45, 1, 0), "family 9999": (9999, 1, 0)}


@pytest.mark.parametrize("name", RARE)
def test_rare_family_is_refused(service, name):
    family, kind, protocol = RARE[name]
    text = script(f"return syscall(41, {family}, {kind}, {protocol})")
    assert control.run(text).result in {"ok", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EINVAL"}
    assert inside(service, text) in REFUSED - {"EAFNOSUPPORT"}


AIMS = {  # name: expression that connects, address that the control gives itself
    "loopback": ("socket.create_connection(('127.0.0.1', 8099), 2)", "127.0.0.1"),
    "metadata address": ("socket.create_connection(('169.254.169.254', 8099), 2)", "169.254.169.254"),
    "private address": ("socket.create_connection(('10.1.2.3', 8099), 2)", "10.1.2.3"),
    "urllib": ("__import__('urllib.request').request.urlopen('http://10.1.2.3:8099/', timeout=2)", "10.1.2.3"),
    "DNS": ("socket.socket(2, 2).sendto(b'x' * 20, ('10.1.2.3', 53))", "10.1.2.3"),
    "listen": ("socket.create_server(('', 8098))", "127.0.0.1"),
}


@pytest.mark.parametrize("name", AIMS)
def test_nothing_is_reached(service, name):
    expression, address = AIMS[name]
    text = script(f"return attempt(lambda: {expression})")
    before = "" if address == "127.0.0.1" else f"ip addr add {address}/32 dev lo\n"
    before += ("(cd /usr/share/misc && timeout 20 python3 -m http.server 8099 --bind 0.0.0.0) >/dev/null 2>&1 9>&- 3>&- &\n"
               "for i in $(seq 800); do (: < /dev/tcp/127.0.0.1/8099) 2>/dev/null && break; sleep 0.02; done")
    assert control.run(text, before).result == "ok"
    answer = inside(service, text)
    assert answer in REFUSED or "Operation not permitted" in answer, answer


def test_the_services_own_port(service):
    text = script(f"return attempt(socket.create_connection, ('127.0.0.1', {service.port}), 2)")
    assert control.run(text, own_network=False).result == "ok"
    assert inside(service, text) in REFUSED


def test_socketpair_cannot_send_to_names(service):
    """A datagram pair could be bound and aimed at others; a stream pair cannot."""
    text = script("return [attempt(socket.socketpair, 1, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM)]")
    assert control.run(text).result == ["ok", "ok", "ok"]
    assert inside(service, text) in (["ok", "ok", error] for error in ("EPERM", "EACCES"))


def abstract(token):
    """Two halves: one listens on an abstract name for a while, the other tries to reach it."""
    listener = script(
        "def listen():", "    s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + NAME); s.listen(); s.settimeout(1.2)",
        "    began = time.monotonic()",
        "    try: s.accept(); return 'met'", "    except TimeoutError: return ['alone', began, time.monotonic()]",
        "return listen()", before=f"NAME = '{token}'\n")
    caller = script(
        "began = time.monotonic()",
        "while time.monotonic() < began + 1:",
        "    s = socket.socket(socket.AF_UNIX)",
        "    if attempt(s.connect, chr(0) + NAME) == 'ok': return 'met'",
        "    s.close(); time.sleep(0.02)",
        "return ['alone', began, time.monotonic()]", before=f"NAME = '{token}'\n")
    return listener, caller


def test_abstract_unix_names_are_private_to_a_sandbox(service):
    listener, caller = abstract(uuid.uuid4().hex)
    # The control: both halves on one network namespace do meet.
    both = listener.replace("def main", "def listen_main") + caller.replace("def main", "def call_main") + \
        "def main():\n    import threading\n    threading.Thread(target=listen_main, daemon=True).start()\n    return call_main()\n"
    assert control.run(both).result == "met"
    assert inside(service, both) == "met"  # within one sandbox they may
    found = {}

    def run(half, text):
        client = Client(service.port)
        found[half] = client.execute(text).json["result"]
        client.close()

    threads = [threading.Thread(target=run, args=item) for item in (("listener", listener), ("caller", caller))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (left, left_began, left_ended), (right, right_began, right_ended) = found["listener"], found["caller"]
    assert (left, right) == ("alone", "alone")
    assert max(left_began, right_began) < min(left_ended, right_ended), "they did not run at the same time"


def test_a_unix_socket_of_the_host_is_out_of_reach(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sock")
    path = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        text = script("s = socket.socket(socket.AF_UNIX)", f"return attempt(s.connect, {path!r})")
        # The folder itself: a socket is another one in a copy of its folder.
        assert control.run(text, f"mount --bind {folder} $ROOT{folder}").result == "ok"
        assert inside(service, text) == "ENOENT"
