"""The command: ``hyper [METHOD] URL [ITEM ...]``, which is ``python -m hyper``.

It stands on hyper's public names alone. ``main.py`` is where to begin. Modules that few runs need
are imported where they are needed: a request that is piped has to start quickly. rich is imported
by ``screen.py`` and ``progress.py`` alone, and only where somebody looks at a terminal.

================== ===============================================================================
``main.py``        what is asked for, and the exit code
``options.py``     the table of options, each an ``option.py``
``arguments.py``   the command line, read by that table
``help.py``        the short help and the long one; ``generating.py``: man page and completions
``items.py``       ``Name:v q==v a=b n:=1 f@file``
``urls.py``        ``:3000/x`` and its like
``content.py``     JSON, forms, files, the input; ``multipart.py``: forms with files; ``body.py``:
                   octets, or pieces that are made anew each time
``building.py``    requests, of all these
``exchange.py``    a request, and what became of it
``connections.py`` what the options say of connections; ``pins.py``: --pin
``sending.py``     a request until it has an answer: retries, redirects, credentials
``session.py``     --session: cookies
``run.py``         all URLs; ``transfer.py``: one of them
``screen.py``      where text is shown; ``progress.py``: bars
``heads.py``       heads, shown; ``showing.py``: content; ``lines.py``: content line by line;
                   ``media.py``: media types
``saving.py``      content, saved; ``pushes.py``: pushes, listed or saved
``watching.py``    an observer of hyper.trace; ``figures.py``: times and sizes by curl's names
``views.py``       --frames, --waterfall, --har, --qlog
``measuring.py``   --ping and --bench
``curl.py``        --curl; ``from_curl.py``: --from-curl; ``offline.py``: --offline
``exit_codes.py``  exit codes by kind, errors in words; ``faults.py``: the command's own
================== ===============================================================================
"""
