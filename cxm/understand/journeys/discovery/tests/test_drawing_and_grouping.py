"""The pure parts of discovery: pictures of paths, the fit of a path, groups of journeys."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cxm.understand.journeys.discovery import clusters, fitting, flow, graph, showing

pytestmark = pytest.mark.once


def test_a_graph_stands_in_rows_from_start_to_end() -> None:
    traffic = {graph.START: 10, "search": 10, "basket": 7, "buy": 5, graph.END: 10}
    edges = {
        (graph.START, "search"): 10, ("search", "basket"): 7, ("basket", "search"): 2, ("basket", "buy"): 5,
        ("buy", graph.END): 5, ("search", graph.END): 5, ("search", "search"): 1,
    }  # fmt: skip
    picture = graph.lay_out(traffic, edges)
    y = {box.key: box.y for box in picture.boxes}
    assert y[graph.START] < y["search"] < y["basket"] < y["buy"] < y[graph.END]  # the way back moves nothing
    assert len(picture.arrows) == 7
    assert all(box.x - graph.WIDTH / 2 >= 0 and box.x + graph.WIDTH / 2 <= picture.width for box in picture.boxes)
    rows: dict[float, list[float]] = {}
    for box in picture.boxes:
        rows.setdefault(box.y, []).append(box.x)
    assert all(b - a >= graph.WIDTH for xs in rows.values() for a, b in zip(sorted(xs), sorted(xs)[1:], strict=False))
    assert {box.key: box.weight for box in picture.boxes}["basket"] == 0.7
    assert graph.lay_out({}, {}).boxes == []


def test_numbers_of_arrows_stand_free_and_long_arrows_pass_beside_the_boxes() -> None:
    names = [graph.START, "a", "b", "c", "d", "e", graph.END]
    edges = dict.fromkeys(pairwise(names), 90)
    edges |= {(one, graph.END): 5 for one in "abcd"}  # a drop at each step, as most processes have
    edges |= {("a", "c"): 7, ("d", "b"): 4, ("e", "a"): 3, ("b", "a"): 2}
    picture = graph.lay_out(dict.fromkeys(names, 90), edges)
    places = [(one.x, one.y - 4) for one in picture.arrows]
    assert not [
        (one, two) for at, one in enumerate(places) for two in places[:at]
        if abs(one[0] - two[0]) < graph.TEXT_WIDTH and abs(one[1] - two[1]) < graph.TEXT_HEIGHT
    ]  # fmt: skip
    for x, y in places:
        assert 0 <= x <= picture.width
        assert not [box for box in picture.boxes
                    if abs(box.x - x) < graph.WIDTH / 2 and abs(box.y - y) < graph.HEIGHT / 2]  # fmt: skip
    middle = {box.key: box.x for box in picture.boxes}
    long = next(one for one in picture.arrows if (one.start, one.end) == ("a", graph.END))
    lane = float(long.path.split("C")[2].split()[0])  # where it runs down
    assert all(abs(lane - middle[one]) > graph.WIDTH / 2 for one in "bcde")


def test_a_name_takes_two_lines_before_it_is_cut() -> None:
    assert showing.two_lines("Insures the car") == ("Insures the car", "")
    assert showing.two_lines("Puts a car together online") == ("Puts a car together", "online")
    first, second = showing.two_lines("Pays the first instalment of the credit for the car and the house")
    assert (first, second[-1]) == ("Pays the first", "…")
    assert showing.short("客户提交贷款申请", 10) == "客户提交…"  # each of them as wide as two letters


def test_rare_edges_fall_away_but_no_box_stands_alone() -> None:
    edges = {("a", "b"): 100, ("b", "c"): 90, ("c", "a"): 3, ("a", "d"): 2, ("b", "a"): 1, ("a", "a"): 50}
    # the two most frequent, the only ways into d and out of c and into a; not b → a, whose ends have better ones
    assert set(graph.most_frequent(edges, 2)) == {("a", "b"), ("b", "c"), ("c", "a"), ("a", "d")}
    assert graph.most_frequent(edges, 99) == edges


def test_streams_keep_their_sums_and_rare_labels_are_gathered() -> None:
    streams = {(1, "a", "x"): 6, (1, "a", "y"): 3, (1, "b", "z"): 2, (1, "b", flow.END): 1, (2, "x", "q"): 6}
    few = flow.gathered(streams, 2)
    # of the second column x (6) and y (3) stay, z is one of the others
    assert few == {(1, "a", "x"): 6, (1, "a", "y"): 3, (1, "b", flow.OTHER): 2, (1, "b", flow.END): 1, (2, "x", "q"): 6}
    picture = flow.lay_out(few)
    heights = {(bar.number, bar.label): bar.height for bar in picture.bars}
    assert heights[1, "a"] == pytest.approx(3 * heights[1, "b"], abs=0.02)  # 9 and 3 journeys
    assert heights[2, "x"] == pytest.approx(6 * heights[2, flow.END], abs=0.06)
    assert sum(one.n for one in picture.ribbons) == 18
    assert [bar.label for bar in picture.bars if bar.number == 2] == ["x", "y", flow.OTHER, flow.END]


def test_a_path_is_held_against_the_expected_one() -> None:
    expected = ["order", "pay", "ship", "deliver"]
    assert fitting.fit(expected, expected) == fitting.Fit(1.0, (), (), ())
    # pay is missing, call is extra: cost 2 of at most 4 + 4
    assert fitting.fit(expected, ["order", "call", "ship", "deliver"]) == fitting.Fit(0.75, ("pay",), ("call",), ())
    # pay came after ship: one missing and one extra of the same label, cost 2 of 8
    assert fitting.fit(expected, ["order", "ship", "pay", "deliver"]).moved == ("pay",)
    assert fitting.fit(expected, ["order", "ship", "deliver"], frozenset({"pay"})).perfect
    assert fitting.fit(expected, []).fitness == 0
    assert fitting.fit([], ["a"]).fitness == 0
    assert fitting.fit([], []).fitness == 1


def test_journeys_that_are_alike_come_together_and_are_named_by_what_sets_them_apart() -> None:
    # 60 buy after looking; 40 call, often, and complain; half of each also search
    buyers = [[1, 1, 0, 0, place % 2] for place in range(60)]
    callers = [[0, 0, 2 + place % 3, 1, place % 2] for place in range(40)]
    counts = np.array(buyers + callers)
    found = clusters.group(counts, ["look", "buy", "call", "complain", "search"])
    assert sum(found.sizes) == 100
    two = clusters.group(counts, ["look", "buy", "call", "complain", "search"], 2)
    assert two.sizes == [60, 40]
    assert two.members.tolist() == [0] * 60 + [1] * 40
    assert {mark.label for mark in two.marks[0]} <= {"look", "buy", "call", "complain"}
    assert {(mark.inside, mark.outside) for mark in two.marks[1]} <= {(1.0, 0.0), (0.0, 1.0)}
    assert two.silhouette > 0.5
    assert (clusters.group(counts, ["l", "b", "c", "o", "s"], 2).members == two.members).all()
    alone = clusters.group(np.array([[1], [1]]), ["a"])
    assert (alone.sizes, alone.marks) == ([2], [[]])
    assert clusters.group(np.zeros((0, 1), np.int64), ["a"]).sizes == []
