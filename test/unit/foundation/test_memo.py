"""foundation/memo.py: a dict that forgets everything when it is full."""

from __future__ import annotations

import importlib
import threading

from hyper.foundation.memo import Memo


def test_it_never_holds_more_than_its_limit_and_always_the_latest():
    memo = Memo(3)
    for number in range(10):
        memo.keep(number, str(number))
        assert len(memo) <= 3
        assert memo.get(number) == str(number)
    assert memo.get(0) is None


def test_a_hit_is_a_dict_s_own_look_up():
    memo = Memo(3)
    assert type(memo).get is dict.get
    assert type(memo).__getitem__ is dict.__getitem__


def test_threads_that_share_one_exceed_its_limit_by_one_each_at_most():
    memo = Memo(8)
    sizes = []

    def work(thread):
        for number in range(2000):
            memo.keep((thread, number), number)
            sizes.append(len(memo))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(sizes) <= 8 + len(threads)


def test_it_is_not_public():
    assert not hasattr(importlib.import_module("hyper"), "Memo")
