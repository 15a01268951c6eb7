"""A little of ``python -m test.fuzz``, the same in each run: the targets work, and find nothing."""

from __future__ import annotations

import pytest

from test.fuzz.__main__ import Turns, main
from test.fuzz.targets import TARGETS

# Inputs, so that each target takes a quarter of a second or less.
INPUTS = {"model": 25, "receive": 60, "field_blocks": 40, "names": 60, "codings": 100}


@pytest.mark.parametrize("name", TARGETS)
def test_random_input_harms_nothing(name):
    """RFC 9113, 10.5; a finding says which input it is: ``python -m test.fuzz`` plays it again."""
    turns = Turns(name, first=0)
    for _ in range(INPUTS.get(name, 300)):
        turns.play_one()
    assert turns.findings == []


def test_the_window_may_be_opened_in_other_steps_where_octets_are_cut():
    """6.9: once a read; one read had a whole DATA frame, and then what ends the connection."""
    turns = Turns("model", first=1_040_002_811)
    turns.play_one()
    assert turns.findings == []


def test_a_finding_ends_the_command_with_1_and_names_its_input(capsys, monkeypatch):
    def play(octets, chance):
        raise RuntimeError("a finding")

    monkeypatch.setitem(TARGETS, "names", (play, lambda: [b"a seed"]))
    assert main(["--target", "names", "--first", "7", "--inputs", "1"]) == 1
    printed = capsys.readouterr().out
    assert "names, input 7:" in printed
    assert "RuntimeError: a finding" in printed
