"""Datasets in object stores: a real S3 server on loopback, real processes that are killed, and memory."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.generation import finish, generate, generate_part
from babilong_gen.inspect import find_sample
from babilong_gen.spec import make_spec
from babilong_gen.verification.dataset import verify
from babilong_gen.write.folder import open_folder, writing
from tests.command_line import WITHOUT_PANDAS
from tests.conftest import Run
from tests.generate.test_dataset import digests

pytest.importorskip("s3fs")
boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

BUCKET = "bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An S3 server and a client of it that is not ours."""

    endpoint: str
    client: Any

    def download(self, prefix: str, folder: Path) -> Path:
        """Bring all objects below a prefix to this machine."""
        for name in self.objects(prefix):
            path = folder / name.removeprefix(f"{prefix}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read())
        return folder

    def objects(self, prefix: str) -> dict[str, str]:
        """The objects that a reader sees, and the tag that stands for their content."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")
        return {each["Key"]: each["ETag"] for each in listed.get("Contents", ())}

    def uploads(self, prefix: str) -> int:
        """How many uploads are under way, or were given up without a word."""
        listed = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{prefix}/")
        return len(listed.get("Uploads", ()))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A server with one bucket; this process and those it starts find it as users' do, by the environment."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", endpoint)
        environment.setenv("AWS_ACCESS_KEY_ID", "somebody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield Store(endpoint=endpoint, client=client)
    server.stop()


@contextmanager
def watching(store: Store, prefix: str) -> Iterator[set[tuple[str, str]]]:
    """All that a reader who looks all the time sees below a prefix: names and tags."""
    seen: set[tuple[str, str]] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            seen.update(store.objects(prefix).items())

    reader = threading.Thread(target=watch)
    reader.start()
    try:
        yield seen
    finally:
        done.set()
        reader.join()


@pytest.fixture(scope="module")
def options() -> list[str]:
    """A dataset with shards of several parts each."""
    return ["--tasks", "detect", "--lengths", "1k,128k", "--samples", "64"]


@pytest.fixture(scope="module")
def on_disk(babilong: Run, options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset in a local folder."""
    out = tmp_path_factory.mktemp("local") / "out"
    done = babilong("generate", *options, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return out


def test_killed_while_uploading_it_shows_no_part_and_ends_in_the_same_bytes(
    store: Store, on_disk: Path, options: list[str], cache: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-c", WITHOUT_PANDAS,
        "generate", *options, "--out", f"s3://{BUCKET}/killed", "--workers", "1",
    ]  # fmt: skip
    environment = {**os.environ, "BABILONG_CACHE": str(cache)}
    moments = random.Random(0)
    with watching(store, "killed") as seen:
        for _ in range(2):
            kill_while_uploading(command, environment, store, after=moments.uniform(0, 0.1))
        subprocess.run(command, env=environment, check=True, capture_output=True)
    assert digests(store.download("killed", tmp_path)) == digests(on_disk)
    final = store.objects("killed")
    shards = [(name, tag) for name, tag in seen if name.endswith(".parquet")]
    assert {name for name, _ in shards} == {name for name in final if name.endswith(".parquet")}
    assert all(final[name] == tag for name, tag in shards)


def kill_while_uploading(command: list[str], environment: dict[str, str], store: Store, after: float) -> None:
    """Start a process and kill it so many seconds after it has begun to upload a shard of several parts."""
    before = store.uploads("killed/data/128k")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and store.uploads("killed/data/128k") <= before:
        time.sleep(0.05)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_parts_by_several_machines_are_finished_in_the_store(
    store: Store, on_disk: Path, cache: Path, tmp_path: Path
) -> None:
    spec = make_spec(tasks=["detect"], lengths=["1k", "128k"], samples=64)
    out = open_folder(f"s3://{BUCKET}/parts")
    for part in ("1/2", "0/2"):
        generate_part(spec, out, part, workers=1, cache=cache)
    finish(out)
    assert digests(store.download("parts", tmp_path)) == digests(on_disk)
    assert store.uploads("parts") == 0


def test_a_finished_dataset_is_left_as_it_is_and_a_lost_object_made_again(store: Store, cache: Path) -> None:
    spec = make_spec(tasks=["qa1", "detect"], lengths=["0k", "1k"], samples=5)
    out = open_folder(f"s3://{BUCKET}/again")
    generate(spec, out, workers=1, cache=cache)
    before = store.objects("again")
    lost = "again/data/1k/qa1-00000-of-00001.parquet"
    store.client.delete_object(Bucket=BUCKET, Key=lost)
    kept = {
        name: store.client.head_object(Bucket=BUCKET, Key=name)["LastModified"]
        for name in before
        if "data" in name and name != lost
    }
    generate(spec, out, workers=1, cache=cache)
    assert store.objects("again") == before
    for name, written in kept.items():
        assert store.client.head_object(Bucket=BUCKET, Key=name)["LastModified"] == written


@pytest.mark.usefixtures("store")
def test_verify_and_inspect_read_a_store(babilong: Run, cache: Path) -> None:
    out = f"s3://{BUCKET}/read"
    generate(make_spec(tasks=["qa1"], lengths=["1k"], samples=20), open_folder(out), workers=1, cache=cache)
    assert babilong("verify", out).stdout == f"{out}: 20 samples proved\n"
    assert "1,000 tokens" in babilong("inspect", out, "qa1/1k/000007").stdout


def test_verify_finds_what_is_wrong_in_a_store(store: Store, cache: Path) -> None:
    out = open_folder(f"s3://{BUCKET}/wrong")
    generate(make_spec(tasks=["qa1"], lengths=["1k"], samples=5), out, workers=1, cache=cache)
    shard = "data/1k/qa1-00000-of-00001.parquet"
    store.client.put_object(Bucket=BUCKET, Key=f"wrong/{shard}", Body=(out / shard).read_bytes() + b"!")
    store.client.put_object(Bucket=BUCKET, Key="wrong/data/1k/qa9.parquet", Body=b"")
    assert verify(out, cache=cache, checksums_only=True).failures == [
        "data/1k/qa9.parquet: not in the manifest",
        f"{shard}: its SHA-256 is not that of the manifest",
    ]


@pytest.mark.usefixtures("store")
def test_datasets_reads_a_store_as_the_command_says(babilong: Run) -> None:
    datasets = pytest.importorskip("datasets")
    done = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--samples", 3, "--out", f"s3://{BUCKET}/load"
    )
    line = done.stdout.splitlines()[-1]
    rows = eval(line, {"load_dataset": datasets.load_dataset})
    assert [row["sample_id"] for row in rows] == ["qa1/1k/000000", "qa1/1k/000001", "qa1/1k/000002"]


@pytest.mark.parametrize("place", [f"s3://{BUCKET}/broken", "memory://broken", "{tmp_path}"])
@pytest.mark.parametrize("size", [10, 20 << 20])
def test_a_file_whose_writing_fails_was_never_there(
    store: Store, tmp_path: Path, place: str, size: int
) -> None:
    folder = open_folder(place.format(tmp_path=tmp_path)) / str(size)
    with pytest.raises(ZeroDivisionError), writing(folder / "data/file") as file:
        file.write(bytes(size))
        _ = 1 / 0
    assert not (folder / "data/file").exists()
    assert store.uploads("broken") == 0
    with writing(folder / "data/file") as file:
        file.write(b"whole")
    assert (folder / "data/file").read_bytes() == b"whole"


def test_memory_stays_small_however_large_the_object(store: Store) -> None:
    script = f"""
import os, resource
from babilong_gen.write.folder import open_folder, writing

with writing(open_folder("s3://{BUCKET}/large/object")) as file:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100):
        file.write(os.urandom(1 << 20))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert store.client.head_object(Bucket=BUCKET, Key="large/object")["ContentLength"] == 100 << 20
    store.client.delete_object(Bucket=BUCKET, Key="large/object")
    assert int(done.stdout) < 64


def test_a_dataset_in_memory(on_disk: Path, cache: Path) -> None:
    out = open_folder("memory://datasets/out")
    spec = make_spec(tasks=["detect"], lengths=["1k", "128k"], samples=64)
    manifest = generate(spec, out, cache=cache)
    assert manifest == json.loads((on_disk / "manifest.json").read_text())
    assert (out / "README.md").read_bytes() == (on_disk / "README.md").read_bytes()
    assert find_sample(out, "detect/128k/000063")["n_tokens"] == 128_000
    assert verify(out, cache=cache, checksums_only=True).failures == []


def refusal(babilong: Run, out: str, **environment: str) -> str:
    """The one line that `generate` ends with."""
    done = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--samples", 1, "--out", out, **environment
    )
    assert done.returncode == 2, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    return line


def test_a_bucket_that_is_not_there_is_not_made(store: Store, babilong: Run) -> None:
    assert "bucket does not exist" in refusal(babilong, "s3://elsewhere/out")
    assert [bucket["Name"] for bucket in store.client.list_buckets()["Buckets"]] == [BUCKET]


def test_credentials_that_are_wrong_or_not_there(store: Store, babilong: Run, tmp_path: Path) -> None:
    nobody = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }
    assert "credentials" in refusal(babilong, f"s3://{BUCKET}/out", **nobody)
    checked_from_now_on(store, after=0)
    try:
        line = refusal(babilong, f"s3://{BUCKET}/out")
    finally:
        checked_from_now_on(store, after=10**9)
    assert "cannot be written (" in line
    assert "secret" not in line


def checked_from_now_on(store: Store, *, after: int) -> None:
    """Have the server check credentials after so many requests more."""
    headers = {"Content-Type": "text/plain"}
    urlopen(Request(f"{store.endpoint}/moto-api/reset-auth", str(after).encode(), headers)).close()


def test_a_server_that_does_not_answer(babilong: Run) -> None:
    line = refusal(babilong, "s3://bucket/out", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert "127.0.0.1:9" in line


def test_a_store_without_a_driver() -> None:
    if find_spec("gcsfs"):
        pytest.skip("gcsfs is installed")
    with pytest.raises(UsageError, match="pip install gcsfs"):
        open_folder("gs://bucket/out")
    with pytest.raises(UsageError, match="nowhere"):
        open_folder("nowhere://bucket/out")


def test_a_folder_of_other_things_is_left_alone(store: Store, babilong: Run) -> None:
    store.client.put_object(Bucket=BUCKET, Key="thesis/thesis.tex", Body=b"precious")
    assert "is not empty" in refusal(babilong, f"s3://{BUCKET}/thesis")
    assert list(store.objects("thesis")) == ["thesis/thesis.tex"]
