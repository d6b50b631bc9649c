"""A world whose daemon listens for HTTP too."""

from web import ask
from world import World, free_port, wait_for


class WebWorld(World):
    """Started and well; .tcp is where it listens."""

    def __init__(self, **options):
        self.tcp = ("127.0.0.1", free_port())
        super().__init__(http=f"127.0.0.1:{self.tcp[1]}", **options)
        try:
            self.start()
            wait_for(lambda: self.status()["summary"] == "well")
        except BaseException:
            self.close()
            raise

    def status(self):
        return ask(self.daemon.control, "/api/v1/status").json()

    def targets(self):
        return {target["name"]: target
                for target in self.status()["services"][0]["targets"]}

    def maintenance(self, **wish):
        return ask(self.daemon.control, "/api/v1/maintenance", "POST", wish)

    def sample(self, line):
        """The value of a series, or None."""
        for text in ask(self.tcp, "/metrics").text().splitlines():
            if text.startswith(line + " "):
                return float(text.split()[-1])
        return None
