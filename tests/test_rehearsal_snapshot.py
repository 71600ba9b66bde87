"""Copies of source directories, compared with what the SDK would upload."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal import artifacts, snapshot

TREE = (
    "a.py",
    "data/big.csv",
    "data/keep/x.csv",
    "logs/l.txt",
    "outputs/o.txt",
    ".git/config",
    "deep/er/a.pyc",
    "b c.txt",
)


@pytest.fixture
def source(tmp_path):
    """A source directory."""
    for name in TREE:
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "src"


def uploaded_by_sdk(source):
    """Return the names of the files in the SDK's own snapshot."""
    from azureml._base_sdk_common.merkle_tree import create_merkletree
    from azureml._project.ignore_file import get_project_ignore_file

    def walk(node, above):
        for child in node.children:
            name = f"{above}{child.name}"
            if child.is_file():
                yield name
            else:
                yield from walk(child, name + "/")

    ignore_file = get_project_ignore_file(str(source))
    return sorted(walk(create_merkletree(str(source), ignore_file.is_file_excluded), ""))


@pytest.mark.parametrize(
    "ignored",
    [
        {}, {".amlignore": "data\n"}, {".gitignore": "*.csv\n!keep\n"}, {".amlignore": "outputs/\n", ".gitignore": "a.py\n"},
        {".amlignore": "# all\n*\n!a.py\n"}, {".amlignore": "/data/*\n!data/keep\n**/*.pyc\n"}, {".gitignore": "deep/**\n.git\n"},
        {".amlignore": "", ".gitignore": "*\n"},
    ],
)  # fmt: skip
def test_same_as_the_sdk(source, ignored):
    """The files are those that the SDK would upload."""
    for name, text in ignored.items():
        (source / name).write_text(text)

    assert snapshot.files(source) == uploaded_by_sdk(source)


def test_link_to_a_folder(source):
    """Links are followed, as the SDK does, but not round and round."""
    (source.parent / "other").mkdir()
    (source.parent / "other" / "x.txt").write_text("x")
    (source / "linked").symlink_to(source.parent / "other")
    assert snapshot.files(source) == uploaded_by_sdk(source)

    (source / "loop").symlink_to(source)

    assert "linked/x.txt" in snapshot.files(source)


def test_take(source, tmp_path):
    """A snapshot has the files and nothing half."""
    snapshot.take(source, tmp_path / "shots" / "0")

    assert snapshot.files(tmp_path / "shots" / "0") == sorted(TREE)
    assert list((tmp_path / "shots").iterdir()) == [tmp_path / "shots" / "0"]


def test_unpack(source, tmp_path):
    """A run may change its files without changing another's; large files are links."""
    (source / "large").write_bytes(b"x" * (1 << 20))
    snapshot.take(source, tmp_path / "shot")
    for run in ("one", "two"):
        snapshot.Snapshot.at(tmp_path / "shot").unpack(tmp_path / run)
    (tmp_path / "one" / "a.py").write_text("changed")

    assert (tmp_path / "two" / "a.py").read_text() == "a.py"
    assert (tmp_path / "one" / "large").samefile(tmp_path / "two" / "large")


class TestArtifacts:
    @pytest.fixture
    def run(self, tmp_path):
        """A run's folder, with one uploaded file and two left in outputs and logs."""
        for name in ("artifacts/up/u.txt", "artifacts/outputs/both.txt", "work/outputs/both.txt", "work/outputs/o.txt",
                     "work/logs/l.txt", "work/else.txt"):  # fmt: skip
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        return tmp_path

    def test_live(self, run):
        """While a run goes on, outputs and logs count as artifacts."""
        assert artifacts.names(run) == ["logs/l.txt", "outputs/both.txt", "outputs/o.txt", "up/u.txt"]
        assert artifacts.find(run, "outputs/o.txt") == run / "work/outputs/o.txt"
        assert artifacts.find(run, "else.txt") is None

    def test_collected(self, run):
        """At its end they are moved; what was uploaded under the same name stays."""
        before = artifacts.names(run)
        artifacts.collect(run)

        assert artifacts.names(run) == before
        assert artifacts.find(run, "outputs/o.txt") == run / "artifacts/outputs/o.txt"
        assert (run / "artifacts/outputs/both.txt").read_text() == "artifacts/outputs/both.txt"

    def test_links(self, run, tmp_path_factory):
        """A link to a file is collected as a file; one to a folder is left."""
        outside = tmp_path_factory.mktemp("outside")
        (outside / "x.txt").write_text("x")
        (run / "work/outputs/link.txt").symlink_to(outside / "x.txt")
        (run / "work/outputs/folder").symlink_to(outside)

        artifacts.collect(run)

        assert not (run / "artifacts/outputs/link.txt").is_symlink()
        assert "outputs/folder/x.txt" not in artifacts.names(run)

    @pytest.mark.parametrize("odd", ["link", "pipe", "partial"])
    def test_odd_among_plain(self, run, odd):
        """Where nothing was uploaded before, a folder is moved at once, but never with what is no whole plain file."""
        shutil.rmtree(run / "artifacts")
        make = {
            "link": lambda path: path.symlink_to(run / "work/else.txt"),
            "pipe": os.mkfifo,
            "partial": lambda path: path.write_text("half"),
        }
        (run / "work/outputs/deep").mkdir()
        make[odd](run / "work/outputs/deep" / {"partial": "p.rehearsal-partial"}.get(odd, odd))

        artifacts.collect(run)

        kept = {path.name for path in (run / "artifacts").rglob("*") if path.is_file() and not path.is_symlink()}
        assert kept == {"both.txt", "o.txt", "l.txt"} | ({"link"} if odd == "link" else set())
        assert not any(path.is_fifo() for path in (run / "artifacts").rglob("*"))

    @pytest.mark.parametrize(
        ("prefix", "count"),
        [("outputs", 2), ("outputs/", 2), ("outputs//", 2), ("outputs/o", 0), ("outputs/o.txt", 1), ("", 4)],
    )
    def test_below(self, run, prefix, count):
        """A prefix is an artifact or a folder of them."""
        assert len(artifacts.below(run, prefix)) == count

    @pytest.mark.parametrize(
        "name", ["../x", "/x", "a/../../x", "C:\\x", "c:x", "\\x", "", ".", "a\0b", "a\\..\\..\\x"]
    )
    def test_unsafe(self, run, name):
        """A name that would lead out of the run is refused."""
        with pytest.raises(errors.RehearsalError, match="is no artifact name"):
            artifacts.find(Path(run), name)
