"""hpack/nghttp2.py: the codec over libnghttp2, by both bindings.

Its decoder passes the tests of the one in Python, and does what that does with whatever octets;
what its encoder makes both of them understand.
"""

import ctypes.util
import gc
import random
import re
import struct
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyper.errors import CompressionError, FieldSectionTooLarge
from hyper.fields import NeverIndexed
from hyper.hpack import decoder as python
from hyper.hpack import encoder as python_encoder
from hyper.hpack.codes import STATIC_TABLE
from test.rules import test_rfc7541 as rfc7541
from test.unit.hpack import test_decoder as tests_of_decoder

nghttp2 = pytest.importorskip(
    "hyper.hpack.nghttp2", reason="libnghttp2 is not installed", exc_type=ImportError
)

GET = b"\x82"
A1 = b"\x40\x01a\x011"
SECRET = NeverIndexed(b"x-token", b"t0ken")

# The functions in C, as their types are noted down in the module. Pointers have no types: what
# they point to is ours to know.
DECLARATIONS = """
int nghttp2_hd_deflate_new(void *, size_t);
void nghttp2_hd_deflate_del(void *);
int nghttp2_hd_deflate_change_table_size(void *, size_t);
ssize_t nghttp2_hd_deflate_hd(void *, void *, size_t, void *, size_t);
ssize_t nghttp2_hd_deflate_hd2(void *, void *, size_t, void *, size_t);
int nghttp2_hd_inflate_new(void *);
void nghttp2_hd_inflate_del(void *);
int nghttp2_hd_inflate_change_table_size(void *, size_t);
ssize_t nghttp2_hd_inflate_hd2(void *, void *, void *, uintptr_t, size_t, int);
ssize_t nghttp2_hd_inflate_hd3(void *, void *, void *, uintptr_t, size_t, int);
"""


def load(binding, **arguments):
    """libnghttp2 by one binding, or the reason why not."""
    try:
        return nghttp2.load(
            nghttp2.names_of_library(sys.platform), [lambda name: binding(name, **arguments)]
        )
    except ImportError as error:
        return error


# Without an array over all memory, too.
LIBRARIES = {
    "cffi": load(nghttp2.CffiBinding),
    "cffi, 32 bits": load(nghttp2.CffiBinding, reach=1 << 31),
    "ctypes": load(nghttp2.CtypesBinding),
    "ctypes, 32 bits": load(nghttp2.CtypesBinding, reach=1 << 31),
}
THERE = {name: lib for name, lib in LIBRARIES.items() if not isinstance(lib, ImportError)}
EACH = st.sampled_from(sorted(THERE.values(), key=repr))


def encoder_over(library, *arguments):
    return type("Encoder", (nghttp2.Encoder,), {"__slots__": (), "library": library})(*arguments)


def decoder_over(library, *arguments, **named):
    kind = type("Decoder", (nghttp2.Decoder,), {"__slots__": (), "library": library})
    return kind(*arguments, **named)


@pytest.fixture(params=LIBRARIES)
def library(request):
    found = LIBRARIES[request.param]
    if isinstance(found, ImportError):
        pytest.skip(str(found))
    return found


@pytest.fixture
def encoder(library):
    return encoder_over(library)


@pytest.fixture
def decoder(library, monkeypatch):
    """And the tests of the decoder in Python make decoders like it."""
    monkeypatch.setattr(
        tests_of_decoder, "Decoder", lambda *args, **named: decoder_over(library, *args, **named)
    )
    return decoder_over(library)


globals().update(
    {
        name: pytest.mark.usefixtures("decoder")(test)
        for name, test in vars(tests_of_decoder).items()
        if name.startswith("test_")
    }
)


@pytest.mark.parametrize(
    ("blocks", "messages", "table_size"),
    [
        (rfc7541.C_3, rfc7541.REQUESTS, 4096),
        (rfc7541.C_4, rfc7541.REQUESTS, 4096),
        (rfc7541.C_5, rfc7541.RESPONSES, 256),
        (rfc7541.C_6, rfc7541.RESPONSES, 256),
    ],
    ids=["C.3", "C.4", "C.5", "C.6"],
)
def test_the_examples_of_appendix_c(library, blocks, messages, table_size):
    decoder = decoder_over(library, table_size)
    for block, (fields, _) in zip(blocks, messages):
        assert decoder.decode(bytes.fromhex(block)) == tuple(fields)


def test_the_requests_of_appendix_c_are_encoded_as_printed(encoder):
    for block, (fields, _) in zip(rfc7541.C_4, rfc7541.REQUESTS):
        assert encoder.encode(tuple(fields)).hex() == block.replace(" ", "")


# Both ways, against the codec in Python.

NAMES = st.sampled_from([b"cookie", b"x-a", b"X-B", b"user-agent", b":path", b"set-cookie", b""])
VALUES = st.one_of(
    st.sampled_from([b"", b"0", b"some value", b"x" * 60, b"y" * 500, b"\xff" * 200]),
    st.binary(max_size=80),
)
FIELDS = st.one_of(
    st.tuples(NAMES, VALUES),
    st.tuples(st.binary(max_size=20), VALUES),
    st.sampled_from(STATIC_TABLE),
    st.builds(NeverIndexed, NAMES, VALUES),
)
SIZES = st.sampled_from([0, 1, 33, 64, 100, 500, 4096, 65536])
SECTIONS = st.lists(FIELDS, max_size=8).map(tuple)
STORIES = st.lists(st.one_of(SIZES, SECTIONS, SECTIONS), max_size=12)


def outcome(decoder, block):
    """All that can be seen of a decoder after a block."""
    generation = decoder.generation
    try:
        section = decoder.decode(block)
    except CompressionError as error:
        return type(error), str(error)
    decoder._table.settle()
    return (
        section,
        [type(field) for field in section],
        decoder.referred,
        decoder.insertions,
        decoder.list_size,
        decoder.generation != generation,
        decoder._table.entries,
        decoder._table.size,
    )


def is_secret(section):
    return any(type(field) is NeverIndexed for field in section)


@given(EACH, STORIES, SIZES)
@settings(deadline=None)
def test_every_story_survives(library, story, first_size):
    """Their encoder to both decoders, and the encoder in Python to theirs."""
    theirs, ours = encoder_over(library, first_size), python_encoder.Encoder(first_size)
    from_theirs = [decoder_over(library, first_size, 1 << 20), python.Decoder(first_size, 1 << 20)]
    from_ours = [decoder_over(library, first_size, 1 << 20), python.Decoder(first_size, 1 << 20)]
    for step in story:
        if isinstance(step, int):
            for end in (theirs, ours, *from_theirs, *from_ours):
                end.header_table_size = step
                assert end.header_table_size == step
            continue
        resized = theirs._resized
        for encoder, decoders in [(theirs, from_theirs), (ours, from_ours)]:
            block = encoder.encode(step, secret=is_secret(step))
            first, second = [outcome(decoder, block) for decoder in decoders]
            assert first == second
            assert first[0] == step
            kinds = [kind for field, kind in zip(step, first[1]) if type(field) is NeverIndexed]
            assert set(kinds) <= {NeverIndexed}
        assert theirs.repeatable == (not resized and not from_theirs[0].insertions)
        if theirs.repeatable:
            assert theirs.encode(step, secret=is_secret(step)) == theirs.encode(
                step, secret=is_secret(step)
            )


BLOCKS = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                *(GET, b"\xbe", b"\xbf", A1, b"\x7e\x012", b"\x20", b"\x0f", b"\x80", b"\x3f"),
                *(b"\x00\x01n\x81\x1f", b"\x10\x01n\x01v", b"\xff\x80", b"\x3f\x03", b"\x40"),
                *(b"\x0f\x2f\x01x", b"\x1f\x80\x80\x00\x01x", b"\x00\x7f\xff\xff\xff\xff\x7f"),
                *(b"\x3f\xe1\x1f", b"\x40\x82\xff\xff\x01v", b"\x00\x00\x00", b"\x00\x81\xff\x00"),
            ]
        ),
        max_size=12,
    ).map(b"".join),
)


@given(EACH, st.lists(BLOCKS, max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_octets_mean_the_same_as_in_python(library, blocks):
    """Sections, and errors to the word."""
    decoders = decoder_over(library), python.Decoder()
    for block in blocks:
        first, second = [outcome(decoder, block) for decoder in decoders]
        assert first == second
        if len(first) == 2:
            break


@given(EACH, st.binary(max_size=60))
@settings(deadline=None)
def test_whatever_huffman_code_means_the_same_as_in_python(library, coded):
    """RFC 7541, 5.2: padding, and EOS."""
    block = b"\x00\x01n" + bytes([0x80 | len(coded)]) + coded
    assert outcome(decoder_over(library), block) == outcome(python.Decoder(), block)


# Cases that are not met by chance.


def integer(value, prefix, pattern):
    return python_encoder.pack_integer(value, prefix, pattern)


@pytest.mark.parametrize("size", [4000, 5000, 65_536, 65_537, 200_000])
def test_large_blocks_and_strings(library, size):
    """libnghttp2 itself refuses strings of more than 64 KiB."""
    decoder = decoder_over(library, max_list_size=1 << 20)
    value = random.Random(size).randbytes(size) if hasattr(random, "randbytes") else b"v" * size
    block = A1 + b"\x00\x01n" + integer(size, 0x7F, 0) + value + b"\x10\x01m\x01v\xbe"
    section = ((b"a", b"1"), (b"n", value), (b"m", b"v"), (b"a", b"1"))
    for _ in range(2):
        assert decoder.decode(block) == section
    with pytest.raises(CompressionError, match=r"RFC 7541, 5\.2"):
        decoder.decode(block[:-7])


def test_a_list_too_large_is_decoded_to_its_end(library):
    """RFC 9113, 4.3: what comes after is for the table, and must not be broken."""
    decoder = decoder_over(library, max_list_size=1000)
    literal = b"\x00\x01n" + integer(400, 0x7F, 0) + b"v" * 400
    with pytest.raises(FieldSectionTooLarge, match="more than 1000 octets"):
        decoder.decode(literal * 3 + A1)
    assert decoder.decode(b"\xbe") == ((b"a", b"1"),)
    with pytest.raises(CompressionError, match=r"RFC 7541, 6"):
        decoder.decode(literal * 3 + b"\xff\xff\xff")


def test_a_block_that_inserts_more_than_the_table_holds(library):
    blocks = [
        b"".join(b"\x40\x02%02d\x01v" % number for number in range(start, start + 50))
        for start in (0, 30, 49)
    ]
    references = b"".join(bytes([0xBE + age]) for age in range(28))
    decoders = decoder_over(library, 1000), python.Decoder(1000)
    for block in (*blocks, blocks[0] + references + A1 + b"\xbe\xbf" + b"\xda"):
        first, second = [outcome(decoder, block) for decoder in decoders]
        assert first == second


@pytest.mark.parametrize(
    ("field", "is_never_indexed"),
    [
        ((b"authorization", b"Basic c2VjcmV0LCBhbmQgYSBsb25nIG9uZQ=="), True),
        ((b"proxy-authorization", b"Basic c2VjcmV0"), True),
        ((b"set-cookie", b"id=" + b"x" * 50), True),
        ((b"cookie", b"id=" + b"x" * 16), True),
        ((b"cookie", b"id=" + b"x" * 17), False),
        (SECRET, True),
        ((b"x-token", b"t0ken"), False),
    ],
)
def test_secrets_are_never_indexed(encoder, field, is_never_indexed):
    """RFC 7541, 7.1.3."""
    section = ((b":method", b"GET"), field, (b"x-a", b"1"))
    for _ in range(3):
        block = encoder.encode(section, secret=type(field) is NeverIndexed)
        assert (block[1] & 0xF0 == 0x10) is is_never_indexed
    assert encoder.repeatable


def test_a_secret_stays_one_where_an_equal_field_is_indexed(encoder):
    plain = (b"x-token", b"t0ken")
    encoder.encode((plain,))
    block = encoder.encode((plain, SECRET, plain), secret=True)
    assert (block[0], block[1] & 0xF0, block[-1]) == (0xBE, 0x10, 0xBE)
    assert encoder.encode((plain,)) == b"\xbe"


def test_sections_of_any_size_are_encoded(encoder, decoder):
    decoder.max_list_size = 1 << 24
    draw = random.Random(5)
    for count, size in [(0, 0), (1, 10), (100, 3), (3, 3000), (1000, 50), (1, 1 << 20), (2, 2)]:
        section = tuple((b"n%d" % draw.randrange(9), b"\xfe" * size) for _ in range(count))
        assert decoder.decode(encoder.encode(section)) == section


def test_room_for_a_giant_section_is_not_kept(encoder):
    section = tuple((b"n%d" % number, b"v" * 1000) for number in range(1000))
    encoder.encode(section[:50])
    room = len(encoder._memory)
    assert 50_000 < room <= nghttp2.KEPT_ROOM
    encoder.encode(section[:2])
    assert len(encoder._memory) == room
    encoder.encode(section)
    assert len(encoder._memory) < room


def test_the_table_is_bounded_whatever_the_peer_allows(library):
    """As encoder.MOST_TABLE_SIZE has it."""
    for encoder in (encoder_over(library, 1 << 20), encoder_over(library)):
        encoder.header_table_size = 1 << 20
        decoder = python.Decoder(1 << 20)
        for number in range(300):
            decoder.decode(encoder.encode(((b"n", b"%d" % number),)))
        with pytest.raises(CompressionError):
            decoder.decode(b"\xff\x80\x02")


def test_size_changes_are_told_once(encoder):
    """RFC 7541, 4.2: the smallest, then the last."""
    section = ((b":method", b"GET"),)
    encoder.header_table_size = 100
    assert encoder.encode(section) == b"\x3f\x45\x82"
    assert not encoder.repeatable
    assert encoder.encode(section) == b"\x82"
    assert encoder.repeatable
    for size in (50, 20, 4096):
        encoder.header_table_size = size
    assert encoder.encode(section) == b"\x34\x3f\xe1\x1f\x82"
    encoder.header_table_size = 4096
    assert encoder.encode(section) == b"\x82"


def test_the_size_to_begin_with_need_not_be_told(library):
    for size in (0, 100, 4096):
        assert encoder_over(library, size).encode(((b":method", b"GET"),)) == b"\x82"
    assert encoder_over(library, 0).encode(((b"a", b"1"),))[0] == 0x00
    assert encoder_over(library, 65536).encode(((b":method", b"GET"),)) == b"\x3f\xe1\x1f\x82"


def test_whether_a_block_inserts_is_seen_behind_long_indexes_and_strings():
    """5.1: where an integer does not fit its prefix."""
    long = integer(300, 0x7F, 0) + b"v" * 300
    before = b"\x82\xff\x05\x0f\x10\x01v\x10\x01n" + long + b"\x04" + long + b"\x00" + long * 2
    assert not nghttp2.inserts(before)
    assert nghttp2.inserts(before + A1)


def test_no_memory_is_said(library, monkeypatch):
    encoder = encoder_over(library)
    encoder._deflate = lambda _: -901  # NGHTTP2_ERR_NOMEM
    with pytest.raises(MemoryError, match="-901"):
        encoder.encode(((b"a", b"1"),))
    monkeypatch.setattr(library, "call", lambda *_: -901)
    with pytest.raises(MemoryError, match="deflater"):
        encoder_over(library)


def test_objects_in_c_are_freed_once_each(library, monkeypatch):
    gc.collect()  # what other tests have left on PyPy
    called = []
    call = library.call
    monkeypatch.setattr(
        library,
        "call",
        lambda name, *args: (called.append((name[-3:], args)), call(name, *args))[1],
    )
    for _ in range(100):
        encoder_over(library).encode(((b"a", b"1"),))
        decoder_over(library).decode(A1)
    gc.collect()
    freed = [address for name, (address, *_) in called if name == "del"]
    assert len(freed) == 200 == len([name for name, _ in called if name == "new"])


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="frees when it collects")
def test_memory_does_not_grow(library):
    resource = pytest.importorskip("resource")
    section = tuple((b"n%d" % number, b"v" * 90) for number in range(30))
    block = encoder_over(library).encode(section)

    def use(count):
        for _ in range(count):
            encoder_over(library).encode(section)
            decoder_over(library).decode(block)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = use(50)
    growth = use(500) - before
    assert growth < 4096 * (1024 if sys.platform == "darwin" else 1)  # 7 MB if all were kept


def test_threads_may_each_have_their_own(library):
    section = tuple((b"n%d" % number, b"v" * number) for number in range(40))
    right = []

    def talk():
        encoder, decoder = encoder_over(library), decoder_over(library)
        right.append(
            all(
                decoder.decode(encoder.encode(section[n % 7 :])) == section[n % 7 :]
                for n in range(100)
            )
        )

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


# Finding the library.


def test_cffi_would_note_the_types_down_like_this(tmp_path):
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source("types_of_nghttp2", None)
    ffi.emit_python_code(str(tmp_path / "types.py"))
    text = (tmp_path / "types.py").read_text()
    assert f"_version = 0x{nghttp2.CFFI_VERSION:x}" in text
    assert eval(re.search(r"_types = (b'.*'),$", text, re.MULTILINE)[1]) == nghttp2.CFFI_TYPES
    assert eval(re.search(r"_globals = (\(.*\)),$", text, re.MULTILINE)[1]) == nghttp2.CFFI_GLOBALS


@pytest.mark.parametrize(
    ("platform", "first"),
    [
        ("linux", "libnghttp2.so.14"),
        ("freebsd14", "libnghttp2.so.14"),
        ("darwin", "libnghttp2.14.dylib"),
        ("win32", "nghttp2.dll"),
    ],
)
def test_where_it_is_looked_for(platform, first, monkeypatch):
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"/some/lib{name}.so")
    names = [*nghttp2.names_of_library(platform)]
    assert (names[0], names[-1]) == (first, "/some/libnghttp2.so")
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    assert [*nghttp2.names_of_library(platform)] == names[:-1]


def test_without_it_one_is_told_what_to_install():
    with pytest.raises(ImportError, match=r"libnghttp2-14.*pip install cffi.*no-such-library"):
        nghttp2.load(["no-such-library.so.0"])


def test_without_cffi_there_is_ctypes(monkeypatch):
    monkeypatch.setitem(sys.modules, "_cffi_backend", None)
    library = nghttp2.load(nghttp2.names_of_library(sys.platform))
    assert isinstance(library, nghttp2.CtypesBinding)


def test_the_second_name_is_tried():
    tried = []

    def binding(name):
        tried.append(name)
        if name == "a":
            raise OSError(name)
        return name

    assert nghttp2.load(["a", "b", "c"], [binding]) == "b"
    assert tried == ["a", "b"]


def test_the_newest_function_is_used_and_a_library_without_any_is_not():
    class Old:
        oldest = "the oldest"

    class New(Old):
        newest = "the newest"

    names = ("newest", "oldest")
    assert nghttp2.find_function(New, names, AttributeError) == "the newest"
    assert nghttp2.find_function(Old, names, AttributeError) == "the oldest"
    with pytest.raises(OSError, match=r"no oldest\(\)"):
        nghttp2.find_function(object, names, AttributeError)


@pytest.mark.parametrize("kind", ["CffiBinding", "CtypesBinding"])
def test_a_library_of_another_kind_is_not_taken(kind):
    """Whatever it is, it is not libnghttp2."""
    if isinstance(LIBRARIES[kind[:-7].lower()], ImportError):
        pytest.skip(f"{kind} needs what is not installed")
    other = ctypes.util.find_library("c")
    if not other:
        pytest.skip("no C library is found")
    with pytest.raises(OSError, match="nghttp2_hd_deflate_hd"):
        getattr(nghttp2, kind)(other)


def test_which_addresses_an_array_has():
    assert nghttp2.is_within(2**63 - 1, 2**47)
    assert not nghttp2.is_within(2**63 - 1, 2**63 + 2**47)  # marked in its highest octet
    assert not nghttp2.is_within(2**31 - 1, 2**30)  # others may lie beyond


def test_flags_are_the_first_octet_of_their_word():
    assert struct.pack("N", nghttp2.NO_INDEX)[0] == 1
