"""`babilong push` with the Hub's own client, to a small Hub that checks every hash."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import Dataset, load_dataset
from huggingface_hub import snapshot_download

from babilong_gen.errors import UsageError
from babilong_gen.publish.hub import open_hub
from tests.conftest import Run
from tests.publish.conftest import Push
from tests.publish.hub import Blob, Fault, Hub, Repo


def published(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that a dataset is published with."""
    names = ["README.md", "croissant.json", "manifest.json", *(folder.glob("data/*/*.parquet"))]
    return {
        (folder / name).relative_to(folder).as_posix(): hashlib.sha256(
            (folder / name).read_bytes()
        ).hexdigest()
        for name in names
    }


def holding(hub: Hub, *paths: str) -> Repo:
    """A repository with these files in it."""
    content = hub.store / "earlier"
    content.write_bytes(b"earlier")
    digest = hashlib.sha256(b"earlier").hexdigest()
    tree = {path: Blob(content, 7, digest, large=path.endswith(".parquet")) for path in paths}
    return Repo(private=False, branches={"main": [tree]})


def test_what_is_pushed_can_be_fetched_loaded_and_verified(
    hub: Hub, push: Push, babilong: Run, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = push(dataset, "me/facts")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"{hub.url}/datasets/me/facts: 7 files")
    assert done.stdout.splitlines()[1] == 'load_dataset("me/facts", "0k", split="qa1")'
    assert hub.tree("me/facts") == published(dataset)

    fetched = tmp_path / "fetched"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    snapshot_download("me/facts", repo_type="dataset", endpoint=hub.url, token=hub.token, local_dir=fetched)
    assert published(fetched) == published(dataset)
    rows = load_dataset(str(fetched), "1k", split="qa2", cache_dir=str(tmp_path / "cache"))
    assert isinstance(rows, Dataset)
    assert rows["sample_id"] == ["qa2/1k/000000", "qa2/1k/000001", "qa2/1k/000002"]
    assert babilong("verify", fetched).returncode == 0


def test_nothing_but_the_dataset_is_pushed(hub: Hub, push: Push, dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(dataset, folder)
    (folder / ".env").write_text("secret")
    (folder / "data" / "notes.txt").write_text("mine")
    assert push(folder, "me/facts").returncode == 0
    assert hub.tree("me/facts") == published(dataset)


def test_nothing_is_sent_where_all_is_there(hub: Hub, push: Push, many_shards: Path) -> None:
    assert push(many_shards, "me/facts").returncode == 0
    hub.asked.clear()
    again = push(many_shards, "me/facts")
    assert again.stdout.splitlines()[0] == f"{hub.url}/datasets/me/facts: all 123 files are there already"
    assert not [request for request in hub.asked if not request.startswith("GET")]


def test_the_manifest_appears_with_the_last_shards(hub: Hub, push: Push, many_shards: Path) -> None:
    assert push(many_shards, "me/facts").returncode == 0
    _, first, last = hub.repos["me/facts"].branches["main"]
    assert len(first) == 100
    assert "manifest.json" not in first
    assert {path: blob.sha256 for path, blob in last.items()} == published(many_shards)


def test_a_dry_run_lists_what_would_go_and_changes_nothing(hub: Hub, push: Push, dataset: Path) -> None:
    listed = push(dataset, "me/facts", "--private", "--dry-run")
    assert listed.stdout.splitlines()[0] == f"create  {hub.url}/datasets/me/facts (private)"
    assert re.findall(r"^upload  (\S+)", listed.stdout, re.MULTILINE) == [
        *sorted(path for path in published(dataset) if path.startswith("data/")),
        "README.md",
        "croissant.json",
        "manifest.json",
    ]
    assert not hub.repos


def test_a_repository_is_made_private_and_a_public_one_is_not_taken_for_it(
    hub: Hub, push: Push, dataset: Path
) -> None:
    assert push(dataset, "me/hidden", "--private").returncode == 0
    assert hub.repos["me/hidden"].private
    hub.repos["me/shown"] = Repo(private=False)
    refused = push(dataset, "me/shown", "--private")
    assert refused.returncode == 2
    assert refused.stderr.startswith("babilong: me/shown is public already: leave out --private")


def test_a_branch_is_made_and_main_left_alone(hub: Hub, push: Push, dataset: Path) -> None:
    done = push(dataset, "me/facts", "--revision", "v2")
    assert done.stdout.splitlines()[1] == 'load_dataset("me/facts", "0k", split="qa1", revision="v2")'
    assert hub.tree("me/facts", "v2") == published(dataset)
    assert hub.tree("me/facts", "main") == {}


def test_shards_of_an_earlier_cut_go_and_other_files_stay(hub: Hub, push: Push, dataset: Path) -> None:
    hub.repos["me/facts"] = holding(hub, "data/1k/qa1-00001-of-00002.parquet", "notes.md")
    assert push(dataset, "me/facts").returncode == 0
    assert hub.tree("me/facts").keys() == {*published(dataset), "notes.md"}


def test_a_damaged_set_is_refused_and_nothing_made(
    hub: Hub, push: Push, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(dataset, folder)
    shard = folder / "data" / "1k" / "qa2-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    refused = push(folder, "me/facts")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "data/1k/qa2-00000-of-00001.parquet: its SHA-256 is not that of the manifest" in refused.stderr
    assert not hub.repos


def test_an_unfinished_set_is_refused(push: Push, dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(dataset, folder)
    (folder / "manifest.json").rename(folder / ".unfinished.json")
    refused = push(folder, "me/facts")
    assert refused.returncode == 2
    assert "holds an unfinished dataset: run its generate command again" in refused.stderr


def test_what_fails_for_a_moment_is_tried_again(hub: Hub, push: Push, dataset: Path) -> None:
    hub.faults += [
        Fault("POST /api/repos/create", 500),
        Fault("GET .*/tree/", "close"),
        Fault("POST .*/objects/batch", 429),
        Fault("PUT /storage/", "close"),
        Fault("PUT /storage/", 500),
        Fault("POST .*/commit/", 503),
    ]
    done = push(dataset, "me/facts")
    assert done.returncode == 0, done.stderr
    assert not hub.faults
    assert hub.tree("me/facts") == published(dataset)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub: Hub, push: Push, dataset: Path) -> None:
    # A shard to be deleted, which cannot be done twice.
    hub.repos["me/facts"] = holding(hub, "data/1k/qa1-00001-of-00002.parquet")
    hub.faults.append(Fault("POST .*/commit/", "lose"))
    done = push(dataset, "me/facts")
    assert done.returncode == 0, done.stderr
    assert len(hub.repos["me/facts"].branches["main"]) == 2
    assert hub.tree("me/facts") == published(dataset)


@pytest.mark.parametrize(
    ("token", "line"),
    [
        ("hf_unknownunknown", "does not accept the token (401): log in again with `hf auth login`"),
        ("hf_readerreaderreader", "the token may not write to me/facts (403): give one with write access"),
    ],
)
def test_a_refused_token_is_one_line(push: Push, dataset: Path, token: str, line: str) -> None:
    refused = push(dataset, "me/facts", "--token", token)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert line in refused.stderr
    assert token not in refused.stderr


def test_a_refused_commit_is_one_line_without_the_token_that_the_server_repeats(
    hub: Hub, push: Push, dataset: Path
) -> None:
    hub.faults.append(Fault("POST .*/commit/", 400))
    refused = push(dataset, "me/facts")
    assert refused.returncode == 2
    assert "answers 400 for me/facts: no, not for Bearer [token]" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_card_that_the_hub_cannot_read_is_told_before_anything_is_sent(
    hub: Hub, push: Push, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(dataset, folder)
    (folder / "README.md").write_text("My facts, by hand.")
    refused = push(folder, "me/facts")
    assert refused.returncode == 2
    assert "the card has no metadata" in refused.stderr
    assert not [request for request in hub.asked if request.startswith("PUT")]


def test_offline_is_one_line(push: Push, dataset: Path) -> None:
    refused = push(dataset, "me/facts", HF_HUB_OFFLINE="1")
    assert refused.stderr == "babilong: HF_HUB_OFFLINE is set: unset it to push\n"


def test_the_token_is_written_nowhere(hub: Hub, push: Push, dataset: Path, tmp_path: Path) -> None:
    hub.faults.append(Fault("POST .*/commit/", 500))
    done = push(dataset, "me/facts", "--token", hub.token, HF_TOKEN="")
    assert hub.token not in done.stdout + done.stderr
    written = [path for folder in (tmp_path, dataset) for path in folder.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if hub.token.encode() in path.read_bytes()]
    assert hub.token not in repr(open_hub("me/facts", revision=None, token=hub.token, endpoint=hub.url))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repo": "facts"}, "REPO_ID names no repository: expected USER/NAME"),
        ({"repo": "me/a b"}, "REPO_ID names no repository"),
        ({"endpoint": "hub.local"}, "endpoint hub.local is no web address"),
        ({"token": "hf_abc\ndef"}, "the token holds characters that none can have"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(options: dict[str, str], message: str) -> None:
    given = {"repo": "me/facts", "revision": None, "token": "hf_x", "endpoint": None, **options}
    with pytest.raises(UsageError, match=message) as told:
        open_hub(given.pop("repo") or "", **given)
    assert "hf_abc" not in str(told.value)


def test_a_set_that_lies_elsewhere_is_to_be_copied_first(push: Push) -> None:
    refused = push("memory://out", "me/facts")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("babilong: memory://out is not on this machine: copy it")


def test_without_a_token_one_is_asked_for(push: Push, dataset: Path) -> None:
    refused = push(dataset, "me/facts", HF_TOKEN="")
    assert refused.returncode == 2
    assert refused.stderr.startswith("babilong: no token: log in with `hf auth login`, set HF_TOKEN, or")


def test_what_would_be_sent_is_listed_without_a_token(push: Push, dataset: Path, hub: Hub) -> None:
    listed = push(dataset, "me/facts", "--dry-run", HF_TOKEN="")
    assert listed.returncode == 0, listed.stderr
    assert listed.stderr.startswith("note: no token: a private repository is not seen")
    assert listed.stdout.startswith(f"create  {hub.url}/datasets/me/facts")
    assert "upload  README.md" in listed.stdout
    assert not hub.repos


_BIG = 300 << 20

_MEASURED = """
import atexit, re
from pathlib import Path
# getrusage would tell the peak of the process that started this one, where that was higher.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
atexit.register(lambda: print("peak", peak() * 1024))
from babilong_eval.cli import main
main()
"""


def test_a_shard_is_not_held_in_memory(
    hub: Hub, environment: dict[str, str], dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(dataset, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    big = manifest["shards"][0]
    with (folder / big["path"]).open("r+b") as file:
        file.truncate(_BIG)
        big["bytes"], big["sha256"] = _BIG, hashlib.file_digest(file, "sha256").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "push", str(folder), "me/facts"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert hub.tree("me/facts")[big["path"]] == big["sha256"]
    assert int(done.stdout.split("peak ")[1]) < _BIG
