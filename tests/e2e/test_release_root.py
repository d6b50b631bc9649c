"""basculed --release as root, where the daemon was somebody else."""

import os
import pathlib
import tempfile

import pytest
from guards import Node

NOBODY = 65534


@pytest.fixture(name="node")
def make_node(tmp_path):
    node = Node(tmp_path)
    yield node
    node.close()


def test_root_releases_as_the_daemons_user(node):
    """Else whoever may write the recipe could have root run anything."""
    for folder in (node.folder, *node.folder.parents):
        if folder == pathlib.Path(tempfile.gettempdir()):
            break
        os.chmod(folder, 0o755)
    drive = node.start(demote=node.hook("demote", "id -ru >>$log")).ready()
    drive.guard()
    drive.say("promote 7 3 elected")
    drive.heard("promoted")
    drive.kill_with_guard()
    node.log.write_text("")
    for path in (node.folder, *node.folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    done = node.release()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert node.lines() == [str(NOBODY)]
    assert not node.recipe.exists()
