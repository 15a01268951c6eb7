"""examples/: each is shown by a page, and is run by a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))

# Those that need a server are run beside theirs.
RUN_BY = {
    "grpc_client.py": "live/test_grpc.py",
    "messages.py": "test_examples.py",
    "websocket_chat.py": "live/test_websocket.py",
}


def test_each_example_has_a_test():
    assert list(RUN_BY) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_on_a_page_and_in_its_test(name):
    pages = [path.read_text("utf-8") for path in (ROOT / "docs").glob("*.rst")]
    assert any(f"literalinclude:: ../examples/{name}" in page for page in pages)
    assert name.removesuffix(".py") in (HERE / RUN_BY[name]).read_text("utf-8")


def test_messages_prints_what_its_page_shows():
    page = (ROOT / "docs" / "bufferedsocket.rst").read_text("utf-8")
    shown = re.search(r"\$ python examples/messages\.py\n((?:    \d+\n)+)", page)[1]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "messages.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == shown.split()
