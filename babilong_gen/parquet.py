"""Parquet files that may be anyone's: opened so that memory stays flat, their faults told in one line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from babilong_gen.errors import SourceError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ_BUFFER_BYTES = 1 << 20


@contextmanager
def reading_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for reading it page by page; reading belongs into the block.

    Raises:
        SourceError: not a Parquet file, damaged, or a text in it is not UTF-8.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BUFFER_BYTES) as file:
            yield file
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: a text in it is not UTF-8 ({error}); write the file anew") from None
    except (pa.ArrowException, OSError) as error:
        reason = first_line(error)
        raise SourceError(f"{path}: not a Parquet file, or damaged ({reason}); get the file again") from None
