"""client/registry.py: each state of a request, and what each call makes of it."""

from __future__ import annotations

from http.client import CannotSendHeader, ResponseNotReady
from types import SimpleNamespace

import pytest

from hyper.client import registry as registry_module
from hyper.client.registry import AWAITED, CLAIMED, DRAFT, LATE, TAKEN, Registry
from hyper.errors import LocalProtocolError, TimedOut

# The parts of an entry; the registry does not look into them.
HEADERS = object()
HEAD = object()
LATENESS = TimedOut("timed out")


def exchange(own_id, *, is_final=True, request_is_open=True):
    stream = SimpleNamespace(request_is_open=request_is_open, failure=None)
    return SimpleNamespace(id=own_id, is_final=is_final, stream=stream)


def sent(registry, *, is_final=True):
    """A request in AWAITED."""
    return registry.await_(
        exchange(registry.new_id(1), is_final=is_final), HEAD, source=None, trailers=()
    )


def in_state(state, *, is_final=False):
    """A registry with one request in a state, and its entry."""
    registry = Registry()
    if state == DRAFT:
        return registry, registry.draft(registry.begin(HEADERS))
    own_id = sent(registry, is_final=is_final)
    if state == AWAITED:
        entry = registry.claim(own_id)
        registry.unclaim(entry, KeyboardInterrupt(), is_late=False)
        return registry, entry
    entry = registry.claim(None)
    if state == LATE:
        registry.unclaim(entry, LATENESS, is_late=True)
    elif state == TAKEN:
        registry.take(entry)
    return registry, entry


# call: {state: the next state, or the exception}
CALLS = {
    "draft": {
        DRAFT: DRAFT,
        AWAITED: CannotSendHeader,
        LATE: CannotSendHeader,
        CLAIMED: CannotSendHeader,
        TAKEN: CannotSendHeader,
    },
    "claim": {
        DRAFT: ResponseNotReady,
        AWAITED: CLAIMED,
        LATE: CLAIMED,
        CLAIMED: ResponseNotReady,
        TAKEN: ResponseNotReady,
    },
    "sending": {
        DRAFT: LocalProtocolError,
        AWAITED: AWAITED,
        LATE: LATE,
        CLAIMED: CLAIMED,
        TAKEN: TAKEN,
    },
}
STATES = {"DRAFT": DRAFT, "AWAITED": AWAITED, "LATE": LATE, "CLAIMED": CLAIMED, "TAKEN": TAKEN}


@pytest.mark.parametrize("names_it", [True, False], ids=["by id", "without an id"])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_finds_a_request_only_in_states_that_allow_it(call, state, names_it):
    """While content may follow, a request whose response was taken is still known."""
    registry, entry = in_state(state)
    wanted = CALLS[call][state]
    argument = entry.id if names_it else None
    if isinstance(wanted, int):
        assert getattr(registry, call)(argument) is entry
        assert entry.state == wanted
    else:
        with pytest.raises(wanted):
            getattr(registry, call)(argument)
        assert entry.state == state


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_request_that_is_forgotten_is_known_to_no_call(state):
    registry, entry = in_state(state)
    assert registry.forget(entry.id) is entry
    assert registry.forget(entry.id) is None
    assert registry.exchange(entry.id) is None
    assert registry.late == 0
    for call, error in [
        (registry.draft, CannotSendHeader),
        (registry.claim, ResponseNotReady),
        (registry.sending, LocalProtocolError),
    ]:
        with pytest.raises(error):
            call(entry.id)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_forgetting_all_gives_back_the_requests_that_nobody_waits_for(state):
    """A thread that waits is told by its stream; a response that was taken is the caller's."""
    registry, entry = in_state(state)
    assert registry.forget_all() == ([entry] if state in (AWAITED, LATE) else [])
    assert registry.exchange(entry.id) is None
    assert registry.late == 0


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_new_request_leaves_behind_the_late_ones_alone(state):
    registry, entry = in_state(state)
    assert registry.late == (state == LATE)
    assert registry.forget_late() == ([entry] if state == LATE else [])
    assert registry.late == 0
    assert (registry.exchange(entry.id) is None) == (state in (DRAFT, LATE))


def test_a_request_that_is_final_is_forgotten_when_its_response_is_taken():
    registry, entry = in_state(CLAIMED, is_final=True)
    registry.take(entry)
    assert registry.exchange(entry.id) is None


def test_a_request_whose_response_was_taken_is_forgotten_when_it_becomes_final():
    registry, entry = in_state(TAKEN)
    registry.forget_if_done(entry.id)
    assert registry.exchange(entry.id) is entry.exchange
    entry.exchange.is_final = True
    registry.forget_if_done(entry.id)
    assert registry.exchange(entry.id) is None


def test_a_final_request_whose_response_is_awaited_is_not_forgotten():
    registry = Registry()
    own_id = sent(registry)
    registry.forget_if_done(own_id)
    assert registry.claim(own_id).id == own_id


def test_a_request_that_was_cancelled_while_a_thread_waited_does_not_come_back():
    registry, entry = in_state(CLAIMED)
    registry.forget(entry.id)
    registry.unclaim(entry, LATENESS, is_late=True)
    assert (registry.exchange(entry.id), registry.late) == (None, 0)


def test_without_an_id_the_oldest_response_that_nobody_waits_for_is_claimed():
    registry = Registry()
    first, second = sent(registry), sent(registry)
    registry.begin(HEADERS)
    assert [registry.claim(None).id for _ in range(2)] == [first, second]
    with pytest.raises(ResponseNotReady, match="every request has been answered"):
        registry.claim(None)
    assert registry.oldest() == first


def test_a_draft_that_is_sent_is_younger_than_requests_that_were_sent_before():
    registry = Registry()
    draft = registry.draft(registry.begin(HEADERS))
    whole = sent(registry)
    registry.send_draft(draft, exchange(draft.id), HEAD)
    assert registry.newest == draft.id
    assert [registry.claim(None).id for _ in range(2)] == [whole, draft.id]


def test_9113_5_1_1_ids_are_odd_and_rise_whatever_a_connection_has_used():
    registry = Registry()
    ids = [registry.new_id(1), registry.new_id(0), registry.new_id(11), registry.new_id(1)]
    assert ids == [1, 3, 11, 13]


def test_an_id_never_names_the_stream_of_another_request():
    registry = Registry()
    own_id = registry.begin(HEADERS)
    registry.note_stream(own_id, 7)
    assert registry.stream_id_of(own_id) == 7
    assert registry.new_id(1) == 9
    assert registry.stream_id_of(9) == 9


def test_streams_with_another_number_are_remembered_within_bounds():
    registry = Registry()
    for _ in range(registry_module.MAX_RENUMBERED + 1):
        own_id = registry.new_id(0)
        registry.note_stream(own_id, own_id + 2)
    assert registry.stream_id_of(own_id) == own_id + 2
    assert registry.stream_id_of(1) == 1


def test_requests_that_were_answered_early_and_never_ended_are_kept_within_bounds():
    registry = Registry()
    ids = []
    for _ in range(registry_module.MAX_ANSWERED_EARLY + 5):
        entry = registry.draft(registry.begin(HEADERS))
        early = exchange(entry.id, is_final=False, request_is_open=False)
        registry.send_draft(entry, early, HEAD)
        registry.take(registry.claim(entry.id))
        ids.append(entry.id)
    known = [own_id for own_id in ids if registry.exchange(own_id)]
    assert known == ids[-len(known) :]
    assert len(known) <= registry_module.MAX_ANSWERED_EARLY + 1
