"""Datasets are found and read in every form in which they are published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.data.dataset import count_samples, open_dataset, read_samples, select
from babilong_eval.data.row_readers import read_rows
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = [
    {"input": f"Mary went to the garden. {index}", "question": "Where is Mary?", "target": "garden"}
    for index in range(5)
]


def write(folder: Path, name: str, rows: list[dict]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=2)
    elif path.suffix == ".arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows, indent=1))


@pytest.mark.parametrize(
    "name",
    [
        "data/4k/qa1-00000-of-00001.parquet",
        "4k/qa1-00000-of-00001.parquet",
        "data/qa1/4k.json",
        "qa1_4k.jsonl",
        "4k/qa1/data-00000-of-00001.arrow",
    ],
)
def test_the_path_says_what_a_file_holds(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, ROWS)
    dataset = open_dataset(str(tmp_path))
    assert select(dataset) == [("qa1", "4k")]
    assert count_samples(dataset, "qa1", "4k") == 5
    assert [sample.input for sample in read_samples(dataset, "qa1", "4k")] == [row["input"] for row in ROWS]


def test_the_card_goes_before_the_paths(tmp_path: Path) -> None:
    write(tmp_path, "shards/one.parquet", ROWS[:3])
    write(tmp_path, "shards/two.parquet", ROWS[3:])
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: 4k\n  data_files:\n  - split: qa1\n    path: shards/*.parquet\n---\n"
    )
    dataset = open_dataset(str(tmp_path))
    assert [sample.index for sample in read_samples(dataset, "qa1", "4k")] == [0, 1, 2, 3, 4]


def test_a_dataset_saved_by_the_datasets_library_is_read(tmp_path: Path) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "4k" / "qa1")
    dataset = open_dataset(str(tmp_path))
    assert [sample.target for sample in read_samples(dataset, "qa1", "4k")] == ["garden"] * 5


def test_pairs_go_from_short_to_long_and_in_the_order_of_tasks(tmp_path: Path) -> None:
    for name in ("1M/qa1", "128k/qa10", "128k/qa2", "0k/qa1", "16seg/qa1", "2seg/qa1"):
        write(tmp_path, f"{name}-0.parquet", ROWS)
    pairs = select(open_dataset(str(tmp_path)))
    assert [length for _, length in pairs] == ["2seg", "16seg", "0k", "128k", "128k", "1M"]
    assert [task for task, length in pairs if length == "128k"] == ["qa2", "qa10"]


def test_what_the_dataset_does_not_say_is_filled_in(tmp_path: Path) -> None:
    write(tmp_path, "4k/qa6.json", ROWS)
    sample = next(read_samples(open_dataset(str(tmp_path)), "qa6", "4k"))
    assert sample.sample_id.startswith("qa6/4k/row-")
    assert sample.choices == ("yes", "no")


def test_stored_tokens_are_read_on_request(tmp_path: Path) -> None:
    write(tmp_path, "4k/qa1.parquet", [row | {"input_ids": [7, 8, 9]} for row in ROWS])
    dataset = open_dataset(str(tmp_path))
    with_tokens = next(read_samples(dataset, "qa1", "4k", tokens=True))
    assert with_tokens.input_ids is not None
    assert with_tokens.input_ids.dtype == np.uint32
    assert with_tokens.input_ids.tolist() == [7, 8, 9]
    assert next(read_samples(dataset, "qa1", "4k")).input_ids is None


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".json"])
@given(lengths=st.lists(st.integers(0, 300_000), max_size=8), skip=st.integers(0, 9))
def test_rows_come_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, lengths: list[int], skip: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [{"input": 'é"[{ ' * (length // 5), "number": number} for number, length in enumerate(lengths)]
    if not rows:
        return
    write(folder, f"rows{suffix}", rows)
    assert list(read_rows(folder / f"rows{suffix}", ["input", "number"], skip=skip)) == rows[skip:]


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path) -> None:
    few, many = tmp_path / "few.parquet", tmp_path / "many.parquet"
    for path, n in ((few, 2), (many, 40)):
        schema = pa.schema([("input", pa.large_string())])
        with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
            for number in range(n):
                text = f"{number} {'the lamps were lit. ' * 200_000}"
                writer.write_table(pa.table({"input": [text]}, schema=schema))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from babilong_eval.data.row_readers import read_rows\n"
        "for row in read_rows(Path(sys.argv[1]), ['input']): del row\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = [int(subprocess.check_output([sys.executable, "-c", script, path])) for path in (few, many)]
    assert peaks[1] < 1.15 * peaks[0]


def test_a_row_that_was_let_go_is_not_kept_until_the_next(tmp_path: Path) -> None:
    write(tmp_path, "4k/qa1.parquet", [ROWS[0] | {"input": "the lamps were lit. " * 200_000}])
    before = pa.total_allocated_bytes()
    samples = read_samples(open_dataset(str(tmp_path)), "qa1", "4k")
    assert len(next(samples).utf8) == 4_000_000
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write(tmp_path, "4k/qa1.parquet", [{"input": "a", "question": "b"}])
    with pytest.raises(
        SourceError, match=r"no column 'target'; expected input, question, target, found input, question"
    ):
        next(read_samples(open_dataset(str(tmp_path)), "qa1", "4k"))


def test_a_missing_value_is_named(tmp_path: Path) -> None:
    write(tmp_path, "4k/qa1.parquet", [*ROWS, ROWS[0] | {"target": None}])
    with pytest.raises(SourceError, match="row 5 of qa1 at 4k has no text in column 'target'"):
        list(read_samples(open_dataset(str(tmp_path)), "qa1", "4k"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"PAR1no"),
        ("a.arrow", b"no"),
        ("a.json", b'[{"input": '),
        ("cut.json", b'[{"input": "a", "question": "b", "target": "c"}, '),
        ("latin.json", b'[{"input": "caf\xe9"}]'),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "4k" / "qa1").mkdir(parents=True)
    (tmp_path / "4k" / "qa1" / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        list(read_samples(open_dataset(str(tmp_path)), "qa1", "4k"))


def test_a_length_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    for length in ("128k", "4k"):
        write(tmp_path, f"{length}/qa1.parquet", ROWS)
    with pytest.raises(UsageError, match=r"no sample of length '1M'; it has 4k, 128k"):
        select(open_dataset(str(tmp_path)), lengths=["4k", "1M"])


def test_a_folder_without_data_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no data of a known task and length"):
        open_dataset(str(tmp_path))


def test_no_folder_at_all_is_refused() -> None:
    with pytest.raises(SourceError, match="no such folder"):
        open_dataset("./nowhere")


class Hub(SimpleHTTPRequestHandler):
    """As much of the Hub as one dataset repository needs, from a folder."""

    def do_GET(self) -> None:
        if not self.path.startswith("/api/"):
            return super().do_GET()
        names = [
            p.relative_to(self.directory).as_posix() for p in Path(self.directory).rglob("*") if p.is_file()
        ]
        answer = {
            "id": "RMT-team/small",
            "sha": "c0ffee",
            "siblings": [{"rfilename": name} for name in names],
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.split("/resolve/c0ffee", 1)[-1])

    def end_headers(self) -> None:
        self.send_header("X-Repo-Commit", "c0ffee")
        self.send_header("ETag", f'"{abs(hash(self.path)):x}"')
        super().end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "repository"
    write(folder, "data/qa1/4k.json", ROWS)
    write(folder, "data/qa2/4k.json", ROWS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def read_from_hub(**environment: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own finds in RMT-team/small: the Hub's library reads its settings at import."""
    script = (
        "from babilong_eval.data.dataset import open_dataset, read_samples\n"
        "dataset = open_dataset('RMT-team/small')\n"
        "print(dataset.fingerprint, [sample.index for sample in read_samples(dataset, 'qa1', '4k')])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_only_the_files_that_are_read_come_from_the_hub(hub: str, tmp_path: Path) -> None:
    done = read_from_hub(HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="0")
    assert done.stdout == "c0ffee [0, 1, 2, 3, 4]\n", done.stderr
    assert "4k.json" in [path.name for path in (tmp_path / "home").rglob("*.json")]
    assert not list((tmp_path / "home").rglob("qa2"))


def test_without_a_network_the_hubs_cache_is_read(tmp_path: Path) -> None:
    cached = tmp_path / "home" / "hub" / "datasets--RMT-team--small"
    write(cached / "snapshots" / "c0ffee", "data/qa1/4k.json", ROWS)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("c0ffee")
    done = read_from_hub(HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert done.stdout == "c0ffee [0, 1, 2, 3, 4]\n", done.stderr


def test_without_network_and_cache_the_hub_is_named(tmp_path: Path) -> None:
    done = read_from_hub(HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert "no folder RMT-team/small here, and RMT-team/small is not in the cache" in done.stderr
