"""Asking for another primary: what a daemon without a cluster refuses."""

import subprocess

import pytest
from web import ask
from webworld import WebWorld
from world import BASCULE


@pytest.fixture(scope="module")
def world():
    with WebWorld() as it:
        yield it


def switchover(world, wish, place=None):
    return ask(place or world.daemon.control, "/api/v1/switchover", "POST",
               wish)


def test_a_cluster_of_one_has_nobody_to_hand_over_to(world):
    for wish in ({}, {"to": None}, {"to": "node2"}):
        answer = switchover(world, wish)
        assert answer.status == 409
        assert answer.json()["error"] == ("this node is a cluster of one: "
                                          "there is nobody to hand over to")
    assert world.status()["cluster"] is None


def test_a_wish_that_is_none_is_refused(world):
    assert switchover(world, {"to": 2}).status == 400
    assert switchover(world, ["node2"]).status == 400
    assert ask(world.daemon.control, "/api/v1/switchover").status == 405


def test_it_is_taken_on_the_control_socket_alone(world):
    assert switchover(world, {}, world.tcp).status == 403


def test_the_command_line_says_why(world):
    run = subprocess.run([BASCULE, "switchover", "--socket",
                          world.daemon.control], capture_output=True,
                         text=True, timeout=60)
    assert run.returncode == 1
    assert "nobody to hand over to" in run.stderr


def test_a_cluster_of_one_is_primary_in_the_metrics(world):
    node = world.status()["node"]
    assert world.sample(f'bascule_cluster_primary{{node="{node}"}}') == 1
    assert world.sample("bascule_cluster_quorum") == 1
