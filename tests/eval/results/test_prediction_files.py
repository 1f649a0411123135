"""Prediction files are split into rows as pandas, and so the published collector, splits them."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.results.prediction_files import FileName, find_predictions, read_columns
from babilong_gen.errors import SourceError

_CELL = st.text(alphabet='ab ,"\n\r\t.é\u2028None', max_size=12)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predictions") / "qa1_0k_x.csv"


@given(
    rows=st.lists(st.tuples(_CELL.filter(bool), _CELL, _CELL), min_size=1, max_size=6),
    index=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_pandas_writes_is_read_as_pandas_reads_it(
    scratch: Path, rows: list[tuple[str, str, str]], index: bool, end: str
) -> None:
    frame = pd.DataFrame(rows, columns=["target", "output", "question"])
    text = frame.to_csv(index=index, lineterminator=end, quoting=1)
    scratch.write_bytes(text.encode())
    expected = pd.read_csv(io.BytesIO(text.encode()), keep_default_na=False, dtype=str)
    assert read_columns(scratch) == {name: tuple(expected[name]) for name in frame.columns}


@pytest.mark.parametrize(
    "text",
    [
        ",target,output,question\n0,a,b,c\n\n  \n1,d,,f\n",  # blank lines
        "target,output,question\n0,a,b,c\n1,d,e,f\n",  # an index without a header
        "Unnamed: 0,target,output,question\n0,a,b\n1,d,e\n",  # rows that are too short
        '\ufefftarget,output,question\na,"x, ""y""\nz",c\n',  # byte order mark, quotes, line breaks
        'target,output,question\na,x "y" z,c\na,"x"y,c\n',  # quotes in the middle
        "target,output,question,output\na,b,c,d\n",  # a column twice
    ],
)
def test_odd_files_are_read_as_pandas_reads_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_bytes(text.encode())
    expected = pd.read_csv(path, keep_default_na=False, dtype=str).fillna("")
    columns = read_columns(path)
    assert [columns[name] for name in ("target", "output", "question")] == [
        tuple(expected[name]) for name in ("target", "output", "question")
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no predictions"),
        ("target,output,question\n", "has no predictions"),
        ("target,answer,question\na,b,c\n", r"no column output \(found: target, answer, question\)"),
        ("target,output,question\na,b,c\na,b,c,d\n", "row 2 has 4 fields, not 3"),
        ('target,output,question\na,"b,c\n', "ends inside a quoted field"),
        ("target,output,question\na,b,c\n,b,c\n", "row 2 has no target"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=f"qa1_0k_x.csv: .*{complaint}"):
        read_columns(path)


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_bytes("target,output,question\na,é,c\n".encode("latin-1"))
    with pytest.raises(SourceError, match="not UTF-8 at byte 25"):
        read_columns(path)


def test_an_output_of_any_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_text(f"target,output,question\na,{'b' * 300_000},c\n")
    assert len(read_columns(path)["output"][0]) == 300_000


def test_a_name_says_task_length_and_config() -> None:
    name = FileName.of(Path("models/x/qa1_4k_instruction_yes_examples_no.csv"))
    assert name == FileName(task="qa1", length="4k", config="instruction_yes_examples_no")
    assert name.stem == "qa1_4k_instruction_yes_examples_no"
    assert FileName.of(Path("qa1_8seg.csv")).stem == "qa1_8seg"


def test_a_name_without_a_length_is_refused() -> None:
    with pytest.raises(SourceError, match="expected a name such as"):
        FileName.of(Path("notes.csv"))


def test_folders_are_searched_at_any_depth(tmp_path: Path) -> None:
    for name in ("b/qa1_0k_x.csv", "a/c/qa2_0k_x.csv", "a/run.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_predictions(tmp_path)]
    assert found == ["a/c/qa2_0k_x.csv", "b/qa1_0k_x.csv"]


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no predictions here"):
        find_predictions(tmp_path)
    with pytest.raises(SourceError, match="no such folder"):
        find_predictions(tmp_path / "nowhere")
