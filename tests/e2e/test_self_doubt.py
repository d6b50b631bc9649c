"""Three nodes on hosts of their own: which of them doubts itself, and tells."""

import pytest
from clusters import Cluster
from world import wait_for


@pytest.fixture(scope="module", name="cluster")
def a_cluster():
    with Cluster(3) as cluster:
        yield cluster.start()


def doubt(node):
    """Why it does not trust what it sees, or ""."""
    document = node.ask("/api/v1/status")[1]["self_doubt"]
    return document["why"] if document else ""


def test_a_node_whose_link_loses_packets_is_strained(cluster):
    lossy, *others = cluster.nodes
    for node in others:
        cluster.hosts.lose(node.host, lossy.host, 40)
    # Counted over five seconds.
    wait_for(lambda: "datagrams are lost" in doubt(lossy), every=0.2)
    # Each of them hears the other one.
    assert not any("datagrams" in doubt(node) for node in others)
    wait_for(lambda: "This node is strained" in lossy.bascule("status").stdout)
    cluster.hosts.heal()
    wait_for(lambda: "datagrams" not in doubt(lossy), every=0.2)


def test_a_node_that_stood_still_doubts_itself_for_a_moment(cluster):
    cluster.wait_whole()
    node = cluster.followers()[0]
    node.freeze()
    primary = cluster.primary()
    wait_for(lambda: any(
        row["name"] == node.name and not row["up"]
        for row in (primary.cluster() or {"nodes": []})["nodes"]))
    node.thaw()
    wait_for(lambda: [line for line in node.lines()
                      if "doubts itself: its loop was" in line])
    wait_for(lambda: [line for line in node.lines()
                      if "doubts itself no more" in line])
