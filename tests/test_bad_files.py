"""Bad files through everything that reads a file of a learner's: folders, pictures, arrays, checkpoints, weights.

Here a sample of them; tests/long has them all, over 10,000.

Each is either read, where the damage happens to do no harm, or refused with the documented error, which names the file
and says what to do. No other exception, no waiting for ever, no gigabytes of memory, nothing unpickled or run, and not
a byte changed or added anywhere. `pytest -s` prints how many there were of each kind and what became of them.
"""

import contextlib
import faulthandler
import io
import itertools
import json
import os
import pickle
import re
import signal
import socket
import struct
import sys
import warnings
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn

from helpers import schedule
from helpers.storage import files, resume, weights
from helpers.storage.files import FileError
from helpers.training import Run
from helpers.unet import UNet
from helpers.world import sprites
from helpers.world.sprites import SpriteError

resource = pytest.importorskip("resource", reason="limits on memory and time are Unix's own")

SECONDS = 60  # that one file may take
MEMORY = 2**30  # bytes that all of them may take on top of what is in use
TALLY = {}  # kind -> how many were read, how many refused
ADVICE = re.compile(r"\b(Add|Build|Check|Choose|Copy|Delete|Go on|Make|Name|Open|Put|Save|Train|Use|give) ")
STEP = 25  # of so many cases one is tried


# ---- the guard ----

FORBIDDEN = re.compile(
    r"pickle|exec|subprocess|socket\.connect|shutil|"
    r"os\.(exec|fork|posix_spawn|spawn|system|remove|rename|mkdir|rmdir|link|symlink|truncate|chmod|chown|utime|putenv)"
)
watching, seen = False, []


def audit(event, args):
    """Note what Python reports of itself while a file is read: writing, running, unpickling."""
    if not watching:
        return
    if event == "open":
        _, mode, flags = args
        if set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            seen.append((event, *args))
    elif FORBIDDEN.match(event):
        seen.append((event, *args))


sys.addaudithook(audit)  # for good: hooks cannot be taken back


def too_slow(*_):
    raise TimeoutError(f"over {SECONDS} s for one file")


@pytest.fixture(autouse=True)
def limits():
    """Time for each file (`setitimer` below), memory for all; if even signals do not get through, a way out."""
    status = Path("/proc/self/statm")
    before = resource.getrlimit(resource.RLIMIT_AS)
    if status.exists():
        in_use = int(status.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, before[1]))
    handler = signal.signal(signal.SIGALRM, too_slow)
    faulthandler.dump_traceback_later(600, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.signal(signal.SIGALRM, handler)
    resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def guarded():
    global watching
    seen.clear()
    watching = True
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        watching = False
    assert seen == []


def snapshot(folder):
    """Everything below a folder, and its state."""
    found = {}
    for where, folders, names in os.walk(os.fsencode(folder)):
        for name in (*folders, *names):
            status = os.lstat(os.path.join(where, name))
            found[where, name] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to put bad files in, beside another that nothing may touch; the working directory is a third."""
    for name in ("inside", "outside", "here"):
        (tmp_path / name).mkdir()
    Image.fromarray(drawings(1)[0]).save(tmp_path / "outside" / "elsewhere.png")
    monkeypatch.chdir(tmp_path / "here")
    b"a".decode("cp437")  # what is imported only now is no offence
    warnings.simplefilter("ignore")
    return tmp_path / "inside"


def sample(cases):
    return itertools.islice(cases, 0, None, STEP)


def survive(kind, name, path, load, check, error):
    """Load a file that may be bad; count and check what comes of it."""
    before = snapshot(path.parent.parent)
    told = None
    with guarded():
        try:
            result = load(path)
        except error as refused:
            told = refused
    assert snapshot(path.parent.parent) == before
    tally = TALLY.setdefault(kind, Counter())
    if told is None:
        tally["read"] += 1
        check(result)
    else:
        tally["refused"] += 1
        says = str(told)
        assert str(path) in says, says
        assert ADVICE.search(says), says
        deep = kind == "npy, headers"  # Python's parser says of them that they take too much memory
        assert deep or not isinstance(told.__cause__, MemoryError), says


# ---- how files are damaged ----


def cut(content, most):
    """The beginning of a file, of every length; of `most` lengths, evenly spread, where it is longer."""
    for n in np.unique(np.linspace(0, len(content) - 1, most).astype(int)):
        yield f"first {n} bytes", content[:n]


def flipped(content, positions):
    for n in positions:
        yield f"bit {n}", content[: n // 8] + bytes([content[n // 8] ^ 1 << n % 8]) + content[n // 8 + 1 :]


def mangled(content, other, rng, count):
    """Some bytes overwritten, left out, put in twice, or the end of another file put on."""
    for n in range(count):
        a, b = sorted(rng.integers(0, len(content) + 1, 2))
        middle = [
            rng.bytes(b - a),
            bytes(b - a),
            b"",
            content[a:b] * 2,
            b"\xff" * int(rng.integers(1, 9)),
        ][n % 5]
        end = other[int(rng.integers(0, len(other))) :] if n % 7 == 0 else content[b:]
        yield f"mangled {n}", content[:a] + middle + end


def rubbish(rng, count, magic=b""):
    for n in range(count):
        yield f"rubbish {n}", magic + rng.bytes(int(rng.integers(0, 300)))


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


def traps(marker):
    """Pickles, under all the guises in which something might open one."""
    objects, archive, torch_file = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(objects, np.array([Trap(marker)] * 4, dtype=object), allow_pickle=True)
    np.savez(archive, images=np.array([Trap(marker)] * 4, dtype=object), allow_pickle=True)
    torch.save({"net": Trap(marker)}, torch_file)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"pickle {protocol}", pickle.dumps(Trap(marker), protocol)
    for name, stream in {"objects": objects, "archive": archive, "torch": torch_file}.items():
        yield name, stream.getvalue()


# ---- a learner's own sprites ----


def drawings(n, seed=0):
    """n different sprites, uint8 (n, 16, 16, 3)."""
    return np.random.default_rng(seed).integers(0, 255, size=(n, 16, 16, 3), dtype=np.uint8)


def check_world(world):
    assert world.images.dtype == np.uint8 and world.images.shape[1:] == (16, 16, 3) and len(world) >= 4


def load_each(kind, cases, path):
    for name, content in sample(cases):
        path.write_bytes(content)
        survive(kind, name, path, sprites.load, check_world, SpriteError)


def png(image, **options):
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def parts(content):
    """(kind, data) of every chunk of a PNG."""
    at = 8
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += size + 12


def joined(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


SHEET = Image.fromarray(drawings(4).reshape(2, 2, 16, 16, 3).swapaxes(1, 2).reshape(32, 32, 3))


def pictures():
    """Good PNGs of every kind: name -> content."""
    text = Image.new("RGB", (1, 1)).info
    found = {mode: png(SHEET.convert(mode)) for mode in ("RGB", "RGBA", "P", "L", "LA", "1")}
    found["see-through"] = png(SHEET.convert("P"), transparency=bytes(range(256)))
    found["animated"] = png(SHEET, save_all=True, append_images=[SHEET.rotate(90), SHEET.rotate(180)])
    found["with a profile"] = png(SHEET, icc_profile=b"profile" * 50, dpi=(72, 72), **text)
    found["16 bits"] = png(Image.fromarray(np.full((32, 32), 40_000, dtype=np.uint16)))
    return found


def test_png_damaged(place):
    rng = np.random.default_rng(0)
    for kind, content in pictures().items():
        cases = itertools.chain(
            cut(content, 150),
            flipped(content, rng.integers(0, 8 * len(content), 120)),
            flipped(content, range(8 * 8, 8 * 33, 3)),  # the header
            mangled(content, pictures()["P"], rng, 60),
        )
        load_each("PNG, damaged", ((f"{kind}, {name}", bad) for name, bad in cases), place / "mine.png")


def test_png_damaged_with_its_checksums_put_right(place):
    """Past the first check of a decoder: the contents of chunks changed, chunks moved, doubled and left out."""
    rng = np.random.default_rng(1)
    odd_kinds = [b"acTL", b"fcTL", b"fdAT", b"tRNS", b"PLTE", b"IHDR", b"IEND", b"IDAT", b"iCCP", b"gAMA", b"cHRM"]
    odd_kinds += [b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"sRGB", b"bKGD", b"tIME", b"oops", b"\0\0\0\0"]

    def cases():
        for kind, content in pictures().items():
            whole = list(parts(content))
            for n in range(120):
                chunks = list(whole)
                i = int(rng.integers(0, len(chunks)))
                name, data = chunks[i]
                some = rng.bytes(int(rng.integers(0, 40)))
                at = int(rng.integers(0, len(data) + 1))
                chunks[i : i + 1] = [
                    [(name, data[:at] + some + data[at + len(some) :])],
                    [(name, data[:at])],
                    [(name, data + some)],
                    [],
                    [(name, data)] * 2,
                    [(odd_kinds[n % len(odd_kinds)], some), (name, data)],
                    [(odd_kinds[n % len(odd_kinds)], data), (name, data)],
                    [(name, data), (odd_kinds[n % len(odd_kinds)], zlib.compress(some) + some)],
                ][n % 8]
                yield f"{kind}, chunks {n}", joined(chunks)

    load_each("PNG, chunks", cases(), place / "mine.png")


def test_png_headers(place):
    """Every depth, kind of colour and interlacing, right and wrong, with sizes from nothing to beyond all memory."""
    sizes = [(16, 16), (32, 32), (0, 16), (16, 0), (1, 2**31 - 1), (2**31, 16), (60_000, 60_000), (3_200, 3_200)]
    data = {"none": b"", "not packed": b"hello" * 9, "zeros": zlib.compress(bytes(6000))}

    def cases():
        shapes = itertools.product(sizes, (0, 1, 2, 4, 8, 16, 255), (0, 1, 2, 3, 4, 6), (0, 1, 7))
        for size, depth, colour, interlaced in shapes:
            head = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
            for name, packed in data.items():
                if size == (3_200, 3_200) and (depth != 8 or interlaced == 7):
                    continue  # those are decoded before they are found wanting: 40 MB each
                what = f"{size}, depth {depth}, colour {colour}, interlaced {interlaced}, data: {name}"
                yield what, joined([(b"IHDR", head), (b"PLTE", bytes(30)), (b"IDAT", packed), (b"IEND", b"")])

    load_each("PNG, headers", cases(), place / "mine.png")


def test_png_bombs(place):
    """Small files that unpack to gigabytes, and large ones that hold next to nothing."""
    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    zeros = zlib.compressobj(9)
    bomb = b"".join(zeros.compress(bytes(2**24)) for _ in range(32)) + zeros.flush()  # 0.5 MB for 512 MB
    good = list(parts(pictures()["RGB"]))

    def cases():
        yield "more data than pixels", joined([(b"IHDR", head), (b"IDAT", bomb), (b"IEND", b"")])
        for kind, start in ((b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")):
            for n in (1, 2, 200):
                yield f"{kind} {n} times", joined([good[0], *[(kind, start + bomb)] * n, *good[1:]])

    load_each("PNG, bombs", cases(), place / "mine.png")
    for head in (b"", joined(good[:1]), joined(good)):
        for size in (2**28, 2**40):
            (place / "mine.png").write_bytes(head)
            os.truncate(place / "mine.png", size)  # takes no room on the disk
            survive("PNG, bombs", f"{size:,} zeros", place / "mine.png", sprites.load, check_world, SpriteError)


def other_pictures():
    """Good pictures of the other kinds that are read: name -> content."""
    moving = {"save_all": True, "append_images": [SHEET.rotate(90), SHEET.rotate(180)]}
    options = {
        "JPEG": {},
        "GIF": {},
        "BMP": {},
        "WEBP": {"lossless": True},
        "GIF moving": moving,
        "WEBP moving": moving,
    }
    for kind, chosen in options.items():
        stream = io.BytesIO()
        SHEET.save(stream, kind.split()[0], **chosen)
        yield kind, stream.getvalue()


def test_other_pictures_damaged(place):
    rng = np.random.default_rng(10)
    for kind, content in other_pictures():
        cases = itertools.chain(
            cut(content, 80),
            flipped(content, rng.integers(0, 8 * len(content), 80)),
            flipped(content, range(0, 8 * 60, 3)),  # the header
            mangled(content, pictures()["P"], rng, 60),
        )
        load_each(f"{kind}, damaged", cases, place / "mine.png")


def test_other_pictures_that_claim_to_be_vast(place):
    def cases():
        for kind, content in other_pictures():
            for claim in (b"\xff\xff", b"\xff\x3f", b"\x00\x80", b"\xff\xff\xff\x7f"):
                for at in range(4, 40):
                    yield f"{kind}, {claim} at {at}", content[:at] + claim + content[at + len(claim) :]

    load_each("vast pictures", cases(), place / "mine.png")


def test_other_formats_named_png(place):
    def cases():
        for kind in ("JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "TGA", "PCX", "PDF", "EPS"):
            for mode in ("RGB", "CMYK", "L", "P"):
                stream = io.BytesIO()
                with contextlib.suppress(OSError, ValueError):  # not every format has every mode
                    SHEET.convert(mode).save(stream, kind)
                    yield f"{kind}, {mode}", stream.getvalue()
        yield from rubbish(np.random.default_rng(2), 200)
        yield from rubbish(np.random.default_rng(3), 200, b"\x89PNG\r\n\x1a\n")

    load_each("other files named .png", cases(), place / "mine.png")


def npy(n=5):
    stream = io.BytesIO()
    np.save(stream, drawings(n))
    return stream.getvalue()


def with_npy_header(text, version=(1, 0), size=None, data=b"\1" * 3072):
    text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    size = len(text) if size is None else size
    size = struct.pack("<H", size % 2**16) if version == (1, 0) else struct.pack("<I", size)
    return b"\x93NUMPY" + bytes(version) + size + text + data


def test_npy_damaged(place):
    rng, content, marker = np.random.default_rng(4), npy(), place / "sprung"
    cases = itertools.chain(
        cut(content, 900),
        flipped(content, range(8 * 128)),  # the header
        flipped(content, rng.integers(8 * 128, 8 * len(content), 100)),
        mangled(content[:128], content, rng, 500),
        mangled(content, pictures()["RGB"], rng, 100),
        rubbish(rng, 200),
        rubbish(rng, 200, b"\x93NUMPY\1\0"),
        rubbish(rng, 100, b"PK\3\4"),
        rubbish(rng, 100, b"\x80\4"),
        traps(marker),
    )
    load_each("npy, damaged", cases, place / "mine.npy")
    assert not marker.exists()


def test_npz_damaged(place):
    rng, content, marker = np.random.default_rng(11), io.BytesIO(), place / "sprung"
    np.savez_compressed(content, sprites=drawings(5) // 9 * 9)
    content, header = content.getvalue(), "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 16, 16, 3), }"

    def packed():
        for old, new in (("4,", "4,"), ("4,", "9000000000,"), ("4,", "-4,"), ("|u1", "O")):
            for size in (0, 3072, 2**24):
                stream = io.BytesIO()
                with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                    archive.writestr("sprites.npy", with_npy_header(header.replace(old, new), data=bytes(size)))
                yield f"{size} {new}", stream.getvalue()

    cases = itertools.chain(
        cut(content, 200),
        flipped(content, rng.integers(0, 8 * len(content), 300)),
        flipped(content, range(8 * (len(content) - 100), 8 * len(content), 2)),  # the list of what is in it
        mangled(content, npy(), rng, 200),
        packed(),
        traps(marker),
    )
    load_each("npz, damaged", cases, place / "mine.npz")
    assert not marker.exists()


def test_npy_headers(place):
    kinds = ["'|u1'", "'|O'", "'O'", "[('a', '|O')]", "'<f8'", "'|b1'", "'|V0'", "'|S0'", "'<U99999999'", "'M8[ns]'"]
    kinds += ["('|u1', (3,))", "('|u1', (1000000000000,))", "[]", "None", "1", "'nonsense'", "{}", "'|u1' * 9", "''"]
    shapes = ["(4, 16, 16, 3)", "(0, 16, 16, 3)", "(9000000000, 16, 16, 3)", "(-1, 16, 16, 3)", "(4, 16, 16, -3)", "()"]
    shapes += ["(True, 16, 16, 3)", "(4.0, 16, 16, 3)", "('4', 16, 16, 3)", "(10**9,)", f"({10**30}, 16, 16, 3)"]
    shapes += ["4", "None", "[4, 16, 16, 3]", "(4, (16, 16), 3)", f"({2**63}, 0, {2**63})", "(4L, 16L, 16L, 3L)"]
    shapes += ["(300001, 16, 16, 3)", f"({'1, ' * 70})", f"(0, {2**62}, {2**62})"]

    def cases():
        for kind, shape, order in itertools.product(kinds, shapes, ("False", "True", "1", "'x'")):
            text = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}}}\n"
            yield text, with_npy_header(text)
        good = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 16, 16, 3), }"
        texts = ["", "{}", "[]", "good", good[:-1], good * 2, good + " " * 20_000, "{" * 50, "(" * 9_000, "[" * 90_000]
        texts += ["-" * 9_000 + "1", "{" + "1:{" * 3_000, "1" * 9_000, "0x", "'\\ud800'", "b'\xff'", "\udcff", "\0" * 9]
        texts += ["__import__('os').system('true')", "  " + good + "\n\tx", "'''", "\\", "f'{1}'", "1 if 1 else 2"]
        texts += ["# only a comment", "1_0", "1jj", "...", "'a' 'b'", "lambda: 1", "(yield)", "*a", good + "L"]
        for text, version in itertools.product([*texts, good], ((1, 0), (2, 0), (3, 0), (0, 0), (9, 9), (255, 255))):
            yield f"{version} {text[:20]}", with_npy_header(text, version)
            for size in (0, 1, 2**16 - 1, 2**31, 2**32 - 1):
                yield f"{version} {size} {text[:20]}", with_npy_header(text, version, size)

    load_each("npy, headers", cases(), place / "mine.npy")


# ---- what is no file, or lies where it should not ----

MAKE = {  # what a name in a folder can stand for
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a loop": lambda path: path.symlink_to(path.name),
    "a loop of two": lambda path: (path.symlink_to("round"), path.with_name("round").symlink_to(path.name)),
    "nowhere": lambda path: path.symlink_to("gone"),
    "endless zeros": lambda path: path.symlink_to("/dev/zero"),
    "nothing": lambda path: path.symlink_to("/dev/null"),
    "a picture elsewhere": lambda path: path.symlink_to(path.parent.parent / "outside" / "elsewhere.png"),
    "up and out": lambda path: path.symlink_to("../outside/elsewhere.png"),
    "the folder itself": lambda path: path.symlink_to("."),
    "a socket": lambda path: bind(path),
    "empty": lambda path: path.touch(),
    "not a picture": lambda path: path.write_bytes(b"hello"),
    "cut short": lambda path: path.write_bytes(pictures()["RGB"][:200]),
    "wrong size": lambda path: SHEET.resize((20, 20)).save(path, "PNG"),
    "may not be read": lambda path: (path.write_bytes(pictures()["RGB"]), path.chmod(0)),
}


def bind(path):
    with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(path.parent):  # by its name: long paths are refused
        end.bind(path.name)


def clear(folder):
    for name in os.listdir(os.fsencode(folder)):
        path = os.path.join(os.fsencode(folder), name)
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def test_folders(place):
    """Good sprites in a folder, among them one, two or three names that stand for something odd."""
    rng = np.random.default_rng(5)
    names = [b"a.png", b"A.PNG", b"\xff\xfe.png", "zwölf.png".encode(), b"new\nline.png", b"-rf *.png", b"..png"]
    names += [b"z" * 251 + b".png", b" .png", b"%s{}.png", b"\x1b[31m.png", b"'\".png"]
    good = [png(Image.fromarray(drawing)) for drawing in drawings(5)]
    combined = [(make,) for make in MAKE] * 20 + [rng.choice(list(MAKE), int(rng.integers(2, 4))) for _ in range(280)]
    for made in sample(combined):
        clear(place)
        for n in range(int(rng.integers(0, 6))):
            (place / f"good {n}.png").write_bytes(good[n])
        for make, name in zip(dict.fromkeys(made), rng.choice(len(names), len(made), replace=False), strict=False):
            with contextlib.suppress(OSError):  # a socket's name must be short
                MAKE[make](place / os.fsdecode(names[name]))
        survive("folders", str(made), place, sprites.load, check_world, SpriteError)


def test_a_folder_of_thousands_of_other_files(place):
    for n in range(3000):
        (place / f"{n}.txt").touch()
    survive("folders of thousands", "thousands", place, sprites.load, check_world, SpriteError)
    for n in range(5):
        Image.fromarray(drawings(5)[n]).save(place / f"{n}.png")
    survive("folders of thousands", "thousands", place, sprites.load, check_world, SpriteError)


def test_a_folder_of_sheets_that_would_fill_the_memory(place, monkeypatch):
    monkeypatch.setattr("helpers.world.own.MAX_SPRITES", 30_000)
    sheet = png(Image.new("RGB", (1_600, 1_600), "red"))  # 10,000 tiles in a small file
    for n in range(200):  # together 1.5 GB, were all of them read
        (place / f"{n}.png").write_bytes(sheet)
    survive("folders of sheets", "sheets", place, sprites.load, check_world, SpriteError)


@pytest.mark.parametrize("suffix", [".png", ".npy", ".PNG", ""])
def test_what_is_no_file(place, suffix):
    for kind, make in MAKE.items():
        clear(place)
        path = place / f"mine{suffix}"
        make(path)
        survive("no files", kind, path, sprites.load, check_world, SpriteError)
        for load in (go_on, weights.load_pretrained):
            survive("no files", kind, path, load, lambda _: None, FileError)
    clear(place)
    (place / "a file").touch()
    for name in (f"{'z' * 300}{suffix}", f"nul\0{suffix}", f"a file/mine{suffix}", f"gone/mine{suffix}"):
        survive("no files", name, place / name, sprites.load, check_world, SpriteError)
        survive("no files", name, place / name, weights.load_pretrained, lambda _: None, FileError)


# ---- checkpoints and weights ----


class Tiny(nn.Module):
    """As small as a network can be."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.layer.weight.fill_(0.1), self.layer.bias.zero_()

    def forward(self, xt, t):
        return self.layer(xt)


def make():
    return Run(Tiny(), torch.zeros(2, 3, 4, 4), schedule.cosine(10), torch.Generator().manual_seed(0), steps=3)


def go_on(path):
    """Open the file of a run."""
    resume.load(run := make(), path)
    return run


@pytest.fixture(scope="module", autouse=True)  # first of all: what is imported only now is no offence
def trained(tmp_path_factory):
    """The file of a run after two of three steps: (content, weights, tensors, info)."""
    Image.init()
    path, run = tmp_path_factory.mktemp("good") / "run", make()
    states = iter(run)
    next(states), next(states)
    resume.save(run, path)
    resume.load(make(), path)
    return path.read_bytes(), run.net.layer.weight.detach().clone(), *files.load_tensors(path)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A file of weights: (content, network)."""
    path = tmp_path_factory.mktemp("good") / "net"
    weights.save(UNet(16, generator=torch.Generator().manual_seed(0)), path)
    return path.read_bytes(), weights.load_pretrained(path)


def checkpoints(kind, cases, path, weight):
    def check(run):
        assert run.state.step == 2 and torch.equal(run.net.layer.weight, weight)

    for name, content in sample(cases):
        path.write_bytes(content)
        survive(kind, name, path, go_on, check, FileError)


def test_checkpoints_damaged(place, trained):
    rng, (content, weight, *_), marker = np.random.default_rng(6), trained, place / "sprung"
    end = 8 + int.from_bytes(content[:8], "little")
    cases = itertools.chain(
        cut(content, 600),
        flipped(content, rng.permutation(8 * end)[:1500]),  # the header
        flipped(content, rng.integers(8 * end, 8 * len(content), 200)),
        mangled(content, npy(), rng, 200),
        mangled(content[:end], content, rng, 200),
        rubbish(rng, 100),
        rubbish(rng, 100, struct.pack("<Q", 50) + b"{"),
        traps(marker),
    )
    checkpoints("checkpoints, damaged", cases, place / "run", weight)
    assert not marker.exists()
    (place / "run").write_bytes(content)
    assert go_on(place / "run").state.step == 2  # the whole one is good


def test_checkpoints_headers(place, trained):
    content, weight, *_ = trained
    end = 8 + int.from_bytes(content[:8], "little")
    header, data = content[8:end], content[end:]
    rng = np.random.default_rng(7)
    odd = [None, -1, 0, 1, 1.5, 2**31, 2**63, 2**64, 10**30, "", "x", [], {}, [0, 4], [4, 0], [0, 2**63], [-4, 0]]
    odd += [["0", "4"], [[[]]], {"a": 1}, True, "F32", "F64", "BF16", "I8", "BOOL", "F8_E4M3", "F4", "C64", "f32"]
    odd += [[2**32, 2**32], [0], [0, 2**62], [1] * 70, "\ud800", "../../outside", "\0", "x" * 5000]

    def packed(text, size=None):
        text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        return struct.pack("<Q", len(text) if size is None else size) + text + data

    def cases():
        for size in (0, 1, 7, len(header) - 1, len(header) + 1, 2**24, 2**27, 2**31, 2**32, 2**63, 2**64 - 1):
            yield f"length {size}", packed(header, size)
        for deep in (100, 10_000, 1_000_000):
            for text in ("[" * deep, '{"a":' * deep, '{"__metadata__":' + "[" * deep + "]" * deep + "}"):
                yield f"depth {deep}", packed(text)
        for text in ("", " ", "{", "null", "[]", "1", '"a"', "{}", "{}" * 2, "\udcff", "NaN", '{"a":}', "\ufeff{}"):
            yield f"text {text}", packed(text)
        yield "a name twice", packed(header[:-1] + b',"error":' + header[header.index(b"{", 1) :])
        for n in range(700):  # one to three of all the values in the header are replaced
            entries = json.loads(header)
            for _ in range(int(rng.integers(1, 4))):
                name = str(rng.choice(list(entries)))
                value = odd[int(rng.integers(len(odd)))]
                match int(rng.integers(5)):
                    case 0:
                        entries[name] = value
                    case 1:
                        entries[str(value)] = entries.pop(name)
                    case 2:
                        other = entries[str(rng.choice(list(entries)))]
                        entries[name] = other
                    case _ if isinstance(entries[name], dict) and entries[name]:
                        entries[name][str(rng.choice(list(entries[name])))] = value
            yield f"entries {n}: {entries}", packed(json.dumps(entries))

    checkpoints("checkpoints, headers", cases(), place / "run", weight)
    for head in (b"", content):
        (place / "run").write_bytes(head)
        os.truncate(place / "run", 2**29)  # takes no room on the disk
        survive("checkpoints, headers", "zeros", place / "run", go_on, lambda _: None, FileError)


def sealed(tensors, text):
    """A checkpoint with whatever in it and a checksum that is right."""
    header = {"format": files.FORMAT, "version": str(files.VERSION), "info": text}
    header["sha256"] = files._digest(tensors, text)
    return safetensors.torch.save(tensors, metadata=header)


ODD_INFO = ["", "x", "null", "1", "[]", "{}", '"channels"', '["channels"]', "NaN", "[" * 10_000, '{"step": 1}']
ODD_VALUES = [None, True, -1, 0, 1, 7, 16, 24, 10**6, 10**9, 10**30, 1.5, float("inf"), "many", "16", []]
ODD_VALUES += [{}, [16], {"a": 1}, "x" * 5000]
DTYPES = [torch.bfloat16, torch.float16, torch.float64, torch.int8, torch.int64, torch.bool, torch.float8_e4m3fn]


def odd_tensors(tensors, rng):
    """(what, tensors) with one of them of another kind, shape or value, under another name, or gone, or added."""
    for name in rng.permutation(list(tensors))[:12].tolist():
        x = tensors[name]
        for dtype in DTYPES:
            yield f"{name} {dtype}", {**tensors, name: x.to(dtype)}
        changed = [x[None], x.flatten(), x.reshape(-1)[:0], x.reshape(-1)[:1], torch.zeros(0, 2**30), torch.zeros(())]
        changed += [torch.full_like(x, float("nan")), torch.full_like(x, float("inf"))] if x.is_floating_point() else []
        for number, other in enumerate(changed):
            yield f"{name} changed, {number}", {**tensors, name: other.contiguous()}
        rest = {key: value for key, value in tensors.items() if key != name}
        for other in ("", "../../outside", "\0", "net", name.upper(), "x" * 5000, "ä"):
            yield f"{name} as {other[:9]}", {**rest, other: x}
        yield f"{name} gone", rest
        yield f"{name} and more", {**tensors, "more": x.clone()}
    yield "none", {}


def test_checkpoints_with_a_right_checksum(place, trained):
    _, _, tensors, info = trained

    def cases():
        for text in ODD_INFO:
            yield text, sealed(tensors, text)
        for name in info:
            yield f"no {name}", sealed(tensors, json.dumps({key: info[key] for key in info if key != name}))
            for value in ODD_VALUES:
                yield f"{name} {value}", sealed(tensors, json.dumps({**info, name: value}))
        for name, some in odd_tensors(tensors, np.random.default_rng(8)):
            yield name, sealed(some, json.dumps(info))

    for name, content in sample(cases()):
        (place / "run").write_bytes(content)
        survive("checkpoints, sealed", name, place / "run", go_on, lambda run: None, FileError)


def test_weights(place, shipped, trained):
    rng, (content, net), marker = np.random.default_rng(9), shipped, place / "sprung"
    end = 8 + int.from_bytes(content[:8], "little")
    (place / "net").write_bytes(content)
    tensors, info = files.load_tensors(place / "net")

    def same(other):
        for name, x in other.state_dict().items():
            assert torch.equal(x, net.state_dict()[name]), name

    def damaged():
        yield from cut(content, 100)
        yield from flipped(content, rng.permutation(8 * end)[:250])
        yield from mangled(content, trained[0], rng, 100)
        yield from traps(marker)
        yield "a training run", trained[0]

    def odd():
        for text in ODD_INFO:
            yield text, sealed(tensors, text)
        for value in ODD_VALUES:
            yield f"channels {value}", sealed(tensors, json.dumps({**info, "arguments": {"channels": value}}))
        for name, some in odd_tensors(tensors, rng):
            yield name, sealed(some, json.dumps(info))

    for cases, check in ((damaged(), same), (odd(), lambda net: None)):
        for name, bad in sample(cases):
            (place / "net").write_bytes(bad)
            survive("weights", name, place / "net", weights.load_pretrained, check, FileError)
    assert not marker.exists()


# ---- that all this is worth something ----


def test_traps_do_spring(tmp_path):
    for name, content in itertools.islice(traps(tmp_path / "sprung"), 3):
        (tmp_path / "sprung").unlink(missing_ok=True)
        with pytest.raises(AssertionError, match="find_class"), guarded():
            pickle.loads(content).close()
        assert (tmp_path / "sprung").exists(), name


def test_the_guard_sees(tmp_path):
    with pytest.raises(AssertionError, match="outside"), guarded():
        (tmp_path / "outside").write_text("")
    with pytest.raises(AssertionError, match=r"posix_spawn|Popen|fork"), guarded():
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def test_there_were_enough():
    """The last: it counts the others."""
    if "weights" not in TALLY:
        pytest.skip("the others did not run")
    print(f"\n{'kind':24}{'files':>8}{'refused':>9}{'read':>6}")
    for kind, tally in TALLY.items():
        print(f"{kind:24}{tally.total():8,}{tally['refused']:9,}{tally['read']:6,}")
    assert sum(tally.total() for tally in TALLY.values()) >= 10_000 / STEP
