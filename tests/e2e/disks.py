"""Disks that can hang: ext4 in a file, frozen by fsfreeze.  Needs root."""

import os
import subprocess

SIZE = 4 << 30      # of which only what is written is taken
# Whatever becomes of the program that froze it: who writes to a frozen disk
# cannot even be killed.
THAW_AFTER_S = 60


class Disk:
    """Mounted at @at, which it makes."""

    def __init__(self, image, at):
        self.at, self.watchdog = at, None
        at.mkdir(parents=True)
        image.touch()
        os.truncate(image, SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1",
                        "-O", "^has_journal", image], check=True)
        subprocess.run(["mount", "-o", "loop,noatime", image, at], check=True)

    def freeze(self):
        self.watchdog = subprocess.Popen(
            ["sh", "-c", f'sleep {THAW_AFTER_S}; exec fsfreeze -u "$0"',
             self.at], stderr=subprocess.DEVNULL, start_new_session=True)
        subprocess.run(["fsfreeze", "-f", self.at], check=True, timeout=30)

    def thaw(self):
        """Also one that is not frozen."""
        subprocess.run(["fsfreeze", "-u", self.at], check=False, timeout=30,
                       stderr=subprocess.DEVNULL)
        if self.watchdog is not None:
            self.watchdog.kill()
            self.watchdog.wait()
        self.watchdog = None

    def close(self):
        """Once nothing runs there."""
        self.thaw()
        subprocess.run(["umount", "-l", self.at], check=False)
