"""Kills processes of the service at random moments, and knows when that was.

Must not touch a process that is not below the service's monitor.
"""
import asyncio
import os
import signal
import time

from support import procs

AFTER_SECONDS = 0.5  # how long an answer may be on its way after the kill that it tells of


class Faults:
    def __init__(self, server, dice):
        self.server, self.dice = server, dice
        self.kills = []  # moments
        self.counts = {"zygote": 0, "init": 0, "worker": 0}

    def explains(self, began, ended):
        """Was anything killed while a request was on its way?"""
        return any(began - AFTER_SECONDS <= moment <= ended for moment in self.kills)

    def strike(self, what):
        zygotes = [pid for pid in procs.children(self.server.pid) if pid != self.server.main_pid]
        inits = [pid for zygote in zygotes for pid in procs.children(zygote)]
        found = {"zygote": zygotes, "init": inits, "worker": [pid for init in inits for pid in procs.children(init)]}[what]
        if not found:
            return
        self.kills.append(time.monotonic())
        try:
            os.kill(self.dice.choice(found), signal.SIGKILL)
            self.counts[what] += 1
        except ProcessLookupError:
            pass  # it was through

    async def run(self, zygote_seconds):
        """For ever. A zygote that is struck while it loads is started ever more slowly: not more often than so."""
        next_zygote = time.monotonic() + zygote_seconds
        while True:
            await asyncio.sleep(self.dice.random() * 2)
            if time.monotonic() >= next_zygote:
                self.strike("zygote")
                next_zygote = time.monotonic() + zygote_seconds * (0.5 + self.dice.random())
            elif next_zygote - time.monotonic() < zygote_seconds - 5:  # it has loaded
                self.strike(self.dice.choice(("init", "worker")))
