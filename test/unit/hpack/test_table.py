"""hpack/table.py: the dynamic table (RFC 7541, 2.3.2 and 4)."""

import random

import pytest

from hyper.fields import NeverIndexed
from hyper.hpack.table import DynamicTable, SearchableTable, as_field

A, B, C = (b"a", b"1"), (b"b", b"22"), (b"c", b"333")  # of 34, 35 and 36 octets


def index_of(table, field):
    """2.3.3: the newest entry has index 62; 0 for a field that is not there."""
    number = table.numbers.get(field)
    return 0 if number is None else 62 + table.added - number


@pytest.fixture(params=[DynamicTable, SearchableTable])
def new_table(request):
    return request.param


def test_size_counts_name_value_and_32(new_table):
    """4.1."""
    table = new_table(4096)
    table.add(A)
    table.add(C)
    assert table.size == 34 + 36


def test_newest_entry_is_last(new_table):
    """2.3.3: the newest has the lowest index, which is entries[61 - index]."""
    table = new_table(4096)
    table.add(A)
    table.add(B)
    assert table.entries[61 - 62] == B
    assert table.entries[61 - 63] == A


def test_oldest_entries_make_room(new_table):
    """4.4."""
    table = new_table(70)
    for field in (A, B, C):
        table.add(field)
    table.settle()
    assert table.entries == [C]
    assert table.size == 36


def test_an_entry_as_large_as_the_table_stays(new_table):
    table = new_table(36)
    table.add(A)
    table.add(C)
    table.settle()
    assert table.entries == [C]


def test_an_entry_larger_than_the_table_empties_it(new_table):
    """4.4: "It is not an error"."""
    table = new_table(70)
    table.add(A)
    table.add((b"name", b"x" * 70))
    table.settle()
    assert table.entries == []
    assert table.size == 0


def test_a_smaller_maximum_evicts(new_table):
    """4.3."""
    table = new_table(4096)
    for field in (A, B, C):
        table.add(field)
    table.max_size = 71
    assert table.entries == [B, C]
    table.max_size = 0
    assert (table.entries, table.size, table.max_size) == ([], 0, 0)
    table.add(A)
    table.settle()
    assert table.entries == []


def test_eviction_may_wait():
    """extend, as often as one likes, and settle leave what adding one by one leaves."""
    draw = random.Random(7)
    patient, prompt = DynamicTable(200), DynamicTable(200)
    for _ in range(300):
        fields = [(b"n", b"v" * draw.choice([0, 1, 5, 60, 120, 250])) for _ in range(3)]
        patient.extend(fields, sum(33 + len(value) for _, value in fields))
        for field in fields:
            prompt.add(field)
            prompt.settle()
        assert patient.size <= 4 * 200
        if draw.random() < 0.2:
            patient.settle()
            assert patient.entries == prompt.entries
            assert patient.size == prompt.size


def test_search_gives_the_index():
    table = SearchableTable(4096)
    for field in (A, B, C):
        table.add(field)
    assert [index_of(table, field) for field in (A, B, C)] == [64, 63, 62]
    assert index_of(table, (b"a", b"2")) == 0


def test_search_by_name_gives_the_newest_entry():
    table = SearchableTable(4096)
    for value in (b"1", b"2", b"3"):
        table.add((b"a", value))
    assert table.search_name(b"a") == 62
    assert table.search_name(b"b") == 0


def test_what_was_evicted_is_not_found():
    table = SearchableTable(110)
    for value in (b"1", b"2", b"3", b"4"):
        table.add((b"a", value))
    table.add(A)  # once more: its older entry, if there were one, must not shadow it
    assert index_of(table, (b"a", b"2")) == 0
    assert index_of(table, (b"a", b"3")) == 64
    assert index_of(table, A) == 62
    table.max_size = 35
    assert index_of(table, (b"a", b"4")) == 0
    assert table.search_name(b"a") == 62
    table.max_size = 0
    assert table.search_name(b"a") == 0
    assert not table.numbers
    assert not table._names


def test_a_field_added_twice_is_found_while_one_of_it_is_there():
    table = SearchableTable(70)
    for _ in range(5):
        table.add(A)
        assert index_of(table, A) == 62
    assert len(table.entries) == 2


def test_as_field_takes_text_for_latin_1():
    assert as_field(("name", "caf\xe9")) == (b"name", b"caf\xe9")
    assert as_field((b"name", b"value")) == (b"name", b"value")
    assert type(as_field(NeverIndexed("name", b"value"))) is NeverIndexed
    assert type(as_field(["name", b"value"])) is tuple
    with pytest.raises(UnicodeEncodeError):
        as_field(("name", "\u20ac"))


@pytest.mark.parametrize("text", [5, None, bytearray(b"text"), memoryview(b"text"), ["text"]])
def test_as_field_takes_nothing_else(text):
    for field in ((text, b"value"), ("name", text), NeverIndexed("name", text)):
        with pytest.raises(TypeError, match=f"bytes or str, not {type(text).__name__}"):
            as_field(field)
