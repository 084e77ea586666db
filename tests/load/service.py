"""The service under load: support.server's, with the pids that are asked for all the time found once."""
import tempfile

from kinds import TIMEOUT_SECONDS
from support import leftovers
from support.server import Server

SLOTS, QUEUE = 4, 40


class LoadedServer(Server):
    def __init__(self, uid_base, *flags, wrapper=()):
        self.folder = tempfile.TemporaryDirectory()
        self.uids = leftovers.uid_range(uid_base, SLOTS)
        super().__init__(self.folder.name + "/log", f"--slots={SLOTS}", f"--queue={QUEUE}", f"--uid-base={uid_base}",
                         f"--timeout-seconds={TIMEOUT_SECONDS}", "--preload=numpy", *flags, wrapper=wrapper)
        self.main_pid = self.server_pid()
        self.client.close()  # it would be counted
