/* The pump's rules (hyper/pump/__init__.py) for spin. Run it by: python -m test.model
 *
 * Actors 0 .. T-1 are threads. Actor T is a signal handler that runs on top of thread 0. Each actor
 * waits for the answer to its own stream, or for its octets to have left. What the code does with
 * the lock held is atomic here, except where a finalizer, which needs no lock, makes a difference.
 *
 * MUTANT takes one rule away: then spin has to find an error.
 */
#ifndef T
#define T 2
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#define N (T + 1)
#define HANDLER T
#define NOBODY 255
#define JUNK 100
#define ALL 101  /* answers to all threads, in one read */

#define OPEN 0
#define FULL 1
#define REFUSED 2
#define CLOSED 3

#define BIT(a) (1 << (a))
#define RESET BIT(N)
#define THREAD(a) ((a) == HANDLER -> 0 : (a))
/* The thread runs a signal handler, and this actor goes on only after it. */
#define COVERED(a) ((a) == 0 && handler_runs)

/* the lock, the leader, the followers */
byte lock = NOBODY;
bool has_leader;
byte leader = NOBODY;
bool waiting[N];  /* on the list of waiters */
bool woken[N];    /* its latch is released */
bool arriving[N]; /* woken, and has not taken the lock again since */
bool served[N];   /* to be woken by the next that takes the lock (rule 17) */
bool inside[N];   /* asleep, or awake and without the lock again */
bool handler_runs;

/* the kernel's sleepers and their wakeup */
bool asleep[N];
bool polls[N];    /* inside the system call */
bool for_room[N];
bool armed, rung, bell;

/* the endpoint and the transport */
bool news[N];
bool drains[N];   /* waits for its octets to leave, not for an answer */
bool failed;
byte state = OPEN;
byte outbound, unsent, sent, changed;
byte notes;
bool would_block = true;
bool room, shut, eof, given_back;
chan wire = [1] of { byte };

/* what may happen once in a run */
bool may_strike;  /* Ctrl-C in the middle of a step */
bool may_note;    /* a finalizer */

#define DRAINED (state >= REFUSED || !(state == FULL || outbound))
#define READY(a) (drains[a] -> DRAINED : (news[a] || failed))
#define MAY_GO(a) (asleep[a] && (READY(a) || (for_room[a] && !has_leader)))
#if T == 2
#define ANY(array) (array[0] || array[1] || array[2])
#define SLEEPER_MAY_GO (notes || MAY_GO(0) || MAY_GO(1) || MAY_GO(2))
#else
#define ANY(array) (array[0] || array[1] || array[2] || array[3])
#define SLEEPER_MAY_GO (notes || MAY_GO(0) || MAY_GO(1) || MAY_GO(2) || MAY_GO(3))
#endif

/* rule 16: somebody who is woken has it sent */
#define IS_CARRIED (ANY(arriving) && state == OPEN)

/* rule 10 */
inline ring() {
    if
    :: armed -> rung = true; bell = true
    :: else
    fi
}

inline notify_sleepers() {
    if
    :: MUTANT != 10 && ANY(asleep) && SLEEPER_MAY_GO -> ring()
    :: else
    fi
}

/* Rule 17: the first of those that one read serves wakes the others. Signal handlers run on top of
 * thread 0, and that one wakes nobody.
 */
inline wake() {
    i = 0;
    is_carried = false;
    do
    :: i < N ->
        if
        :: MUTANT != 2 && waiting[i] && (failed || (changed & BIT(i))) && READY(i) ->
            waiting[i] = false; arriving[i] = true;
            if
            :: is_carried -> served[i] = true
            :: else -> woken[i] = true; is_carried = !failed && THREAD(i) != 0
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    is_carried = false;
    changed = 0;
    notify_sleepers()
}

inline wake_served() {
    i = 0;
    do
    :: i < N -> woken[i] = woken[i] || (served[i] && MUTANT != 19); served[i] = false; i++
    :: else -> break
    od;
    i = 0
}

/* rule 14: a wait beneath a signal handler can neither lead nor sleep before the handler ends */
inline wake_outer() {
    if
    :: MUTANT != 14 && me == HANDLER && (waiting[0] || arriving[0]) ->
        woken[0] = true; waiting[0] = false; arriving[0] = false;
        wake_served()
    :: else
    fi
}

inline shut_down() {
    if
    :: state == CLOSED
    :: else ->
        state = CLOSED;
        shut = true;
        if
        :: ANY(asleep) && MUTANT != 17
        :: else -> given_back = true
        fi;
        notes = 0
    fi
}

/* is_sent: true if nothing is left to send */
inline flush() {
    is_sent = true;
    if
    :: !(outbound || changed || state == FULL || notes)
    :: else ->
        if
        :: notes -> notes = 0; outbound = outbound | RESET
        :: else
        fi;
        wake();
        if
        :: state >= REFUSED -> outbound = 0
        :: state < REFUSED && (outbound || state == FULL) ->
            if
            :: room -> sent = sent | outbound | unsent; unsent = 0; outbound = 0; state = OPEN
            :: else -> unsent = unsent | outbound; outbound = 0; state = FULL; is_sent = false
            fi
        :: else
        fi
    fi
}

/* rules 4, 16 */
inline promote() {
    if
    :: ANY(arriving) || MUTANT == 4
    :: else ->
        is_sent = true;
        if
        :: !has_leader && waiting[0] -> i = 0; promote_it(i)
        :: !has_leader && waiting[1] -> i = 1; promote_it(i)
        :: !has_leader && waiting[2] -> i = 2; promote_it(i)
#if T == 3
        :: !has_leader && waiting[3] -> i = 3; promote_it(i)
#endif
        :: else ->
            if
            :: outbound && MUTANT != 16 -> flush()
            :: else
            fi;
            if
            :: !is_sent -> ring()
            :: is_sent && !has_leader -> notify_sleepers()
            :: else
            fi
        fi
    fi;
    i = 0
}

inline promote_it(w) {
    woken[w] = true; waiting[w] = false; arriving[w] = true  /* rule 3: in one step */
}

inline receive() {
    if
    :: may_strike && len(wire) ->  /* Ctrl-C: half a step is done, and so all ends */
        may_strike = false; interrupted = true;
        failed = true;
        state = (state < REFUSED -> REFUSED : state);
        wake();
        shut_down()
    :: len(wire) ->
        wire?got;
        if
        :: got < N -> news[got] = true; changed = changed | BIT(got)
        :: got == ALL ->
            i = 0;
            do
            :: i < T -> news[i] = true; changed = changed | BIT(i); i++
            :: else -> break
            od
        :: else
        fi;
        got = 0;
        would_block = (!len(wire) && !eof);
        wake()
    :: !len(wire) && (eof || shut) -> failed = true; wake(); flush(); shut_down()
    :: !len(wire) && !(eof || shut) -> would_block = true
    fi
}

proctype actor(byte me) {
    byte i, got;
    bool is_sent, has_limit, is_late, interrupted, outer, leads, received, reads, writes;
    bool is_carried;  /* rule 17 */

    if
    :: me == HANDLER ->
end_no_signal:
        atomic { inside[0] && lock != 0 && !handler_runs -> handler_runs = true }
    :: else
    fi;
    if
    :: has_limit = true
    :: has_limit = false
    fi;
    atomic {
        lock == NOBODY -> lock = THREAD(me);
        outbound = outbound | BIT(me);
        if
        :: drains[me] = true
        :: true
        fi;
        if
        :: IS_CARRIED && !drains[me] && me != HANDLER -> lock = NOBODY  /* rule 16 */
        :: else -> wake_outer(); goto look_again
        fi
    };
    atomic {
        lock == NOBODY && !COVERED(me) -> lock = THREAD(me);
look_again:
        if
        :: READY(me) || interrupted || (state == CLOSED && failed) -> goto leave
        :: has_leader && leader == THREAD(me) -> goto lead  /* rule 14 */
        :: !has_leader && (drains[me] || !ANY(arriving)) -> goto lead  /* rule 2 */
        :: else
        fi;
        if
        :: IS_CARRIED && !drains[me] -> goto follow  /* rule 16 */
        :: else
        fi;
        flush();
        if
        :: !is_sent -> reads = false; writes = true; goto sleep_in_kernel  /* rule 5 */
        :: is_sent && (READY(me) && MUTANT != 6) -> goto leave  /* rule 6 */
        :: is_sent && !(READY(me) && MUTANT != 6) -> goto follow
        fi;

        /* ------------------------------------------------------------ follow (rule 3) */
follow:
        if
        :: is_late -> goto leave  /* rule 7 */
        :: else
        fi;
        waiting[me] = true; woken[me] = false; served[me] = false;
        inside[me] = true; lock = NOBODY
    };
    if
    :: woken[me] && !COVERED(me)
    :: has_limit && !COVERED(me) -> is_late = true
    :: may_strike && !COVERED(me) -> may_strike = false; interrupted = true
    fi;
    atomic {
        lock == NOBODY && !COVERED(me) -> lock = THREAD(me); inside[me] = false;
        wake_served();
        arriving[me] = arriving[me] && MUTANT == 15;
        waiting[me] = false;
        goto look_again
    };

    /* ---------------------------------------------------------------- lead (rules 2, 4, 6) */
lead:
    atomic {
        outer = has_leader; leads = true; received = false;
        has_leader = true; leader = THREAD(me);
lead_on:
        flush();
        if
        :: READY(me) || interrupted || state == CLOSED -> goto stop_leading
        :: else
        fi;
        if
        :: would_block -> reads = true; writes = !is_sent && MUTANT != 5; goto sleep_in_kernel
        :: !would_block && received && is_late -> goto stop_leading
        :: else
        fi;
lead_receive:
        received = true;
        if
        :: state != CLOSED -> receive()
        :: else
        fi;
        goto lead_on;
stop_leading:
        leads = false; has_leader = outer;
        goto leave;

        /* ---------------------------------------------------- sleep in the kernel (rule 1) */
sleep_in_kernel:
        if
        :: is_late && leads -> goto stop_leading
        :: is_late && !leads -> goto leave
        :: else
        fi;
        asleep[me] = true; for_room[me] = !reads
    };
    /* A finalizer may leave a note before this step, or after it (rule 11). */
    if
    :: MUTANT == 11 -> is_sent = notes > 0; armed = true
    :: else -> armed = true; is_sent = notes > 0
    fi;
    if
    :: is_sent  /* there is a note: no sleep */
    :: else ->
        atomic { inside[me] = true; polls[me] = true; lock = NOBODY };
        atomic {
            if
            :: !COVERED(me) && bell -> rung = true; would_block = false
            :: !COVERED(me) && reads && (len(wire) || eof || shut) -> would_block = false
            :: !COVERED(me) && writes && (room || shut) -> would_block = false
            :: !COVERED(me) && has_limit -> is_late = true
            :: !COVERED(me) && may_strike -> may_strike = false; interrupted = true
            fi;
            polls[me] = false
        };
        atomic { lock == NOBODY && !COVERED(me) -> lock = THREAD(me); inside[me] = false }
    fi;
    atomic {
        is_sent = false;
        asleep[me] = false; for_room[me] = false;
        if
        :: !ANY(asleep) ->
            armed = false; rung = false; bell = false;
            given_back = given_back || state == CLOSED
        :: ANY(asleep) && rung && (MUTANT == 18 || !SLEEPER_MAY_GO) -> rung = false; bell = false
        :: else
        fi;
        reads = false; writes = false;
        if
        :: leads && interrupted -> goto stop_leading
        :: leads && !interrupted -> goto lead_receive
        :: else -> goto look_again
        fi
    };

    /* ---------------------------------------------------------------- leave (rule 4) */
leave:
    atomic {
        promote();
        assert(READY(me) || is_late || interrupted || failed);
        lock = NOBODY;
        if
        :: me == HANDLER -> handler_runs = false
        :: else
        fi
    }
}

/* A peer that perhaps writes before it reads, and answers what it was asked. It may end at any
 * time. With a finalizer, it answers stream 1 only after the reset, as at a limit of streams. */
proctype peer() {
    byte answered;
    bool note = may_note;
    if
    :: true ->
end_writing_first:
        wire!JUNK;
end_writing_on:
        wire!JUNK
    :: true
    fi;
    room = true;
end_answering:
    do
    :: atomic { (sent & BIT(0)) && !(answered & BIT(0)) && !len(wire) ->
        wire!0; answered = answered | BIT(0) }
    :: atomic { (sent & BIT(1)) && !(answered & BIT(1)) && !len(wire) &&
        (!note || (sent & RESET)) -> wire!1; answered = answered | BIT(1) }
    :: atomic { (sent & BIT(2)) && !(answered & BIT(2)) && !len(wire) ->
        wire!2; answered = answered | BIT(2) }
#if T == 3
    :: atomic { (sent & BIT(3)) && !(answered & BIT(3)) && !len(wire) ->
        wire!3; answered = answered | BIT(3) }
#endif
#ifdef TOGETHER
    :: atomic { (sent & (BIT(T) - 1)) == BIT(T) - 1 && !answered && !len(wire) ->
        wire!ALL; answered = BIT(T) - 1 }
#endif
#ifdef ENDS
    :: eof = true; break
#endif
    od
}

/* Another thread cancels the stream of an actor. */
proctype canceller(byte victim) {
    byte i;
    bool is_sent, is_carried;
    atomic {
        lock == NOBODY;
        news[victim] = true;
        outbound = outbound | RESET;
        changed = changed | BIT(victim);
        flush()
    }
}

/* Another thread ends the connection. */
proctype closer() {
    byte i;
    bool is_sent, is_carried;
    atomic {
        lock == NOBODY;
        failed = true;
        changed = changed | BIT(0);
        flush();
        shut_down()
    }
}

/* A finalizer drops a response, without the lock and at any moment (rule 11). */
proctype finalizer() {
    byte i;
    bool is_sent, is_armed, is_carried;
    notes++;
    if
    :: atomic { lock == NOBODY -> flush() }
    :: atomic { lock != NOBODY -> is_armed = armed };
        if
        :: is_armed -> rung = true; bell = true
        :: else
        fi
    fi
}

#define IS_LOST(a) ((waiting[a] && READY(a)) || \
    (polls[a] && !drains[a] && READY(a) && !bell && !shut && !eof && !len(wire)))
#if T == 2
#define ONE_IS_LOST (IS_LOST(0) || IS_LOST(1) || IS_LOST(2))
#else
#define ONE_IS_LOST (IS_LOST(0) || IS_LOST(1) || IS_LOST(2) || IS_LOST(3))
#endif

/* These are never true while the lock is free. */
active proctype monitor() {
    bool a_leader_for_each_waiter, no_lost_wake_up, no_socket_closed_under_a_sleeper;
    bool no_octets_left_behind;
end_all_is_well:
    if
    :: atomic { lock == NOBODY && ANY(waiting) && !has_leader && !ANY(arriving) ->
        assert(a_leader_for_each_waiter) }
    :: atomic { lock == NOBODY && outbound && !ANY(arriving) -> assert(no_octets_left_behind) }
    :: atomic { lock == NOBODY && ONE_IS_LOST -> assert(no_lost_wake_up) }
    :: atomic { given_back && ANY(asleep) -> assert(no_socket_closed_under_a_sleeper) }
    fi
}

init {
    atomic {
#ifdef STRIKES
        may_strike = true;
#endif
#ifdef NOTES
        may_note = true;
        run finalizer();
#endif
        run actor(0);
        run actor(1);
#if T == 3
        run actor(2);
#endif
#ifdef SIGNAL
        run actor(HANDLER);
#endif
#ifdef CANCELS
        run canceller(0);
#endif
#ifdef CLOSES
        run closer();
#endif
        run peer()
    }
}
