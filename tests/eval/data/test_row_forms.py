"""The forms that other programs give to the same rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from babilong_eval.data.dataset import open_dataset, read_samples
from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    {"input": f"Zoë went to the {place}.", "question": "Where is Zoë?", "target": place}
    for place in ("garden", "office", "garden")
]


def targets(folder: Path) -> list[tuple[str, str]]:
    return [(sample.input, sample.target) for sample in read_samples(open_dataset(str(folder)), "qa1", "0k")]


EXPECTED = [(row["input"], row["target"]) for row in ROWS]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_dictionary_encoded_columns_are_texts(tmp_path: Path, suffix: str) -> None:
    table = pa.Table.from_pylist(ROWS)
    table = pa.table({name: table[name].dictionary_encode() for name in table.column_names})
    path = tmp_path / f"qa1_0k.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        feather.write_feather(table, str(path), compression="uncompressed")
    assert targets(tmp_path) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("lines", [True, False])
def test_json_is_read_in_each_form_of_unicode(tmp_path: Path, encoding: str, lines: bool) -> None:
    each = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    text = "\n".join(each) if lines else f"[{', '.join(each)}]"
    (tmp_path / "qa1_0k.json").write_text(text, encoding=encoding)
    assert targets(tmp_path) == EXPECTED


def test_cp1252_is_named(tmp_path: Path) -> None:
    (tmp_path / "qa1_0k.json").write_text(json.dumps(ROWS, ensure_ascii=False), encoding="cp1252")
    with pytest.raises(SourceError, match=r"qa1_0k.json: not UTF-8 but, it seems, cp1252"):
        targets(tmp_path)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("column", [pa.binary(), pa.string()])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, suffix: str, column: pa.DataType) -> None:
    inputs = pa.array([b"caf\xe9", *(row["input"].encode() for row in ROWS[1:])], pa.binary())
    if column == pa.string():  # as a program writes that looks at no text
        inputs = pa.Array.from_buffers(column, len(ROWS), inputs.buffers())
    table = pa.table({**pa.Table.from_pylist(ROWS).to_pydict(), "input": inputs})
    path = tmp_path / f"qa1_0k.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        feather.write_feather(table, str(path), compression="uncompressed")
    with pytest.raises(SourceError, match=r"qa1_0k.*damaged \(Invalid UTF-?8"):
        targets(tmp_path)
