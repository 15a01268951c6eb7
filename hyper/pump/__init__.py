"""The pump: which thread moves the octets of a connection, while the others sleep.

Many threads may use one connection, and hyper starts none.  So a thread that waits for the network
must also work for the others.  This is the Leader/Followers pattern (Schmidt and others, 2000):
one thread, the *leader*, waits for the network on behalf of all, while the *followers* sleep.  When
the leader leaves, one follower is promoted.  These are the rules; tests cite their numbers:

1.  One lock guards the endpoint, its streams and the transport.  Nothing blocks while it is
    held; the only thing that ever blocks is ``transport.wait``, in the kernel, without the lock.
2.  A thread that waits reads for all.  ``wait`` makes it the leader if there is none: it sends
    what is queued, looks at what it waits for, receives, wakes the threads that this served; only
    when nothing is left to do does it sleep in the kernel.
3.  A thread that finds a leader becomes a follower: it sleeps at a *waiter* of its own, with its
    own deadline.  A waiter leaves the list in the same step in which it is woken: a thread that is
    already leaving cannot be promoted.
4.  A thread that leaves, for whatever reason, and finds no leader, promotes one follower.  So does
    a promoted thread that was served, interrupted or timed out before it could lead.
5.  A thread whose octets the socket refuses waits for room itself (or leads, which is waiting in
    both directions): a peer that writes before it reads cannot deadlock us.
6.  After sending, look again before sleeping: the very thing waited for may have been done.
7.  A timeout belongs to the thread that waits: the stream and the connection stay usable.
8.  A failure is kept as a recipe (``errors.Failure``); each thread raises its own exception.
9.  Before a new request, one look without waiting notices what the peer said meanwhile: GOAWAY,
    SETTINGS, its end.
10. Another thread may do what a sleeper in the kernel waits for: it cancels a stream, stops
    leading, drops a response.  That thread notifies the transport's *wakeup*.  A follower needs
    none: its waiter is woken.

11. A finalizer may run in any thread, in the middle of any step. It leaves a note, and takes the
    lock only if no thread holds it, this one included; then it reads the note itself. So a response
    that is dropped is reset at once, also if no call follows. A note that comes in the middle of a
    step is read in that step, by a sleeper, or by the next call.
12. A wait that ended by its timeout, and in which not one octet came, makes the connection suspect
    (``silence.py``). Any octet takes that back.
13. With ``keepalive``, the leader sends PING after so many seconds of silence, and ends the
    connection after as many more (``silence.py``). While nobody waits, nothing is sent.
14. A signal handler that runs while its own thread leads leads itself, and wakes its thread's outer
    wait if that was served. If its own thread follows, it takes the outer waiter off the list: that
    one can neither lead nor sleep before the handler ends, and looks anew then. In the middle of a
    step a handler may change nothing, and cannot wait. A call asks ``lock.is_held()`` first, and
    raises RuntimeError; ``end`` leaves a note. An outer wait that sleeps in the kernel cannot
    go either: until the handler's wait has ended, what it waits for calls nobody out of the kernel.
15. In the child of a fork every connection is gone: its descriptor is closed without a word, its
    lock is free, and what waits raises (``foundation/fork.py``).
16. A follower that was woken *arrives*: it takes the lock soon. Until it has, a request without
    content leaves its octets in the queue, and a thread that has to wait follows, although no
    thread leads. The last that arrives has them all sent when it leaves: by the follower that it
    promotes, else by itself. So one read that serves eight threads is followed by one write of
    their eight next requests. A thread that waits relies on this for ``LONGEST_ARRIVAL`` and then
    leads, because a signal handler may keep a thread that was woken.
17. One read may serve several followers. The thread that reads wakes the first of them, and that
    one wakes the others when it has the lock. All of them arrive. Each thread that is woken stops
    the one that wakes it, finds that it cannot run Python, and sleeps again: a thread that has
    worked for long is stopped so by each of them, and one that has just slept is not. The main
    thread wakes nobody else, because a signal handler may keep it. A failure is told to all
    followers at once.

Nobody answers the peer's PING while no thread is inside a call.

Two things are done without the lock, because a destructor may do them at any moment: a note is
appended to ``Pump.notes`` or ``Budget.freed``, and the wakeup is notified. They rely on one
guarantee of CPython, with the GIL or without, and of PyPy: ``append``, ``popleft`` and the truth of
a deque are one step each. Nothing iterates over these deques: they are emptied by ``popleft`` until
it raises IndexError. Everything else is guarded by the lock.

================ =================================================================================
``pump.py``      ``Pump``: read ``wait``, ``_lead``, ``_follow``, ``_promote``, ``flush``
``waiter.py``    ``Waiter``: where one follower sleeps
``lock.py``      ``InterruptibleLock``: a thread knows after Ctrl-C whether it holds it
``turns.py``     ``wait_turn``: the queue for a free stream
``reading.py``   ``wait_open``, ``wait_idle``: hyper's own windows are not the reason for a wait
``silence.py``   ``Silence``: suspicion and keepalive
``notes.py``     what finalizers and signal handlers leave to whoever moves octets next
``endings.py``   what the threads that wait are told at the end
================ =================================================================================
"""
