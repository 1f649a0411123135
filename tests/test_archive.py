"""Archives are read in memory: nothing is unpacked, and what is broken or hostile is refused by name."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from babilong_gen import archive
from babilong_gen.archive import tar_members, zip_members
from babilong_gen.errors import SourceError

MemberReader = Callable[[Path], Iterator[tuple[str, bytes]]]


def write_tar_gz(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return path


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_tar_members_come_in_order_and_without_a_leading_dot(tmp_path: Path) -> None:
    path = write_tar_gz(tmp_path / "a.tar.gz", {"./t/b.txt": b"two", "t/a.txt": b"one"})
    assert list(tar_members(path)) == [("t/b.txt", b"two"), ("t/a.txt", b"one")]


def test_a_plain_tar_is_read_too(tmp_path: Path) -> None:
    path = write_tar_gz(tmp_path / "a.tar.gz", {"x": b"content"})
    plain = tmp_path / "a.tar"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert list(tar_members(plain)) == [("x", b"content")]


def test_only_wanted_members_are_read(tmp_path: Path) -> None:
    files = {"a.txt": b"a", "b.bin": b"b"}
    assert [n for n, _ in tar_members(write_tar_gz(tmp_path / "t", files), lambda n: n.endswith(".txt"))] == [
        "a.txt"
    ]
    assert [n for n, _ in zip_members(write_zip(tmp_path / "z", files), lambda n: n.endswith(".txt"))] == [
        "a.txt"
    ]


@pytest.mark.parametrize(
    "name", ["../evil.txt", "t/../../evil.txt", "/tmp/evil.txt", "C:\\evil.txt", "..\\evil.txt"]
)
def test_a_name_that_leads_out_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    tar = write_tar_gz(inside / "evil.tar.gz", {"good.txt": b"good", name: b"evil"})
    zipped = write_zip(inside / "evil.zip", {"good.txt": b"good", name: b"evil"})
    with pytest.raises(SourceError, match=r"leads out of the archive"):
        list(tar_members(tar))
    with pytest.raises(SourceError, match=r"leads out of the archive"):
        list(zip_members(zipped))
    assert files_below(tmp_path) == {"inside", "inside/evil.tar.gz", "inside/evil.zip"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_never_followed(tmp_path: Path, kind: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for you")
    path = write_tar_gz(tmp_path / "l.tar.gz", {"good.txt": b"good"}, link("bad.txt", str(secret), kind))
    assert list(tar_members(path)) == [("good.txt", b"good")]


def test_a_link_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "l.zip"
    info = zipfile.ZipInfo("bad.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, "/etc/hostname")
        file.writestr("good.txt", "good")
    assert list(zip_members(path)) == [("good.txt", b"good")]


def test_the_shadows_of_macos_are_passed_over(tmp_path: Path) -> None:
    files = {"__MACOSX/t/._a.txt": b"\0", "t/._a.txt": b"\0", "t/a.txt": b"a"}
    assert list(tar_members(write_tar_gz(tmp_path / "m.tar.gz", files))) == [("t/a.txt", b"a")]
    assert list(zip_members(write_zip(tmp_path / "m.zip", files))) == [("t/a.txt", b"a")]


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_named(tmp_path: Path, keep: float) -> None:
    files = {f"t/{n}.txt": bytes(str(n**7), "ascii") * 400 for n in range(40)}
    for path, read in [
        (write_tar_gz(tmp_path / "t.tar.gz", files), tar_members),
        (write_zip(tmp_path / "t.zip", files), zip_members),
    ]:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * keep)])
        with pytest.raises(SourceError, match=rf"{path.name}: truncated, damaged or not a"):
            list(read(path))


def test_a_flipped_bit_is_noticed_by_the_checksum(tmp_path: Path) -> None:
    """The first member comes out whole; the checksum at the end of the gzip still speaks up."""
    path = write_tar_gz(tmp_path / "t.tar.gz", {"a.txt": b"content"})
    damaged = bytearray(path.read_bytes())
    damaged[-8] ^= 1  # the stored CRC
    path.write_bytes(damaged)
    with pytest.raises(SourceError, match="CRC"):
        list(tar_members(path))


@pytest.mark.parametrize("content", [b"", b"plain text, no archive", b"\x1f\x8b not gzip"])
@pytest.mark.parametrize("read", [tar_members, zip_members])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, read: MemberReader) -> None:
    path = tmp_path / "none"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="none: truncated, damaged or not a"):
        list(read(path))


@pytest.mark.parametrize("read", [tar_members, zip_members])
def test_a_missing_archive_and_a_folder_are_named(tmp_path: Path, read: MemberReader) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*gone: No such file"):
        list(read(tmp_path / "gone"))
    with pytest.raises(SourceError, match=r"cannot read .*: Is a directory"):
        list(read(tmp_path))


def test_a_member_that_claims_to_be_huge_is_refused_unread(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("huge.txt")
    huge.size = archive.MEMBER_LIMIT_BYTES + 1
    path = tmp_path / "h.tar"
    path.write_bytes(huge.tobuf() + bytes(1024))
    with pytest.raises(SourceError, match=r"too large at the member 'huge.txt'"):
        list(tar_members(path))
