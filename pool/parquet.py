"""Tables as Parquet files, in a folder here or on any file system that Arrow knows (s3://, gs://, hdfs://)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from pool import file
from pool.rows import text_of

ROWS = 10_000  # at a time: bounds memory


class Folder:
    """Where files are put, each whole or not at all. `target`: a path, or a URI such as s3://bucket/memory."""

    def __init__(self, target: str) -> None:
        from pyarrow import fs

        if "://" in target:
            self._files, self._path = fs.FileSystem.from_uri(target)
        else:
            self._files, self._path = fs.LocalFileSystem(), str(Path(target).absolute())
        self._files.create_dir(self._path, recursive=True)

    def write_text(self, name: str, text: str) -> None:
        with self._files.open_output_stream(f"{self._path}/{name}") as stream:
            stream.write(text.encode())

    def write(self, name: str, columns: Mapping[str, Any], rows: Iterable[Sequence[Any]]) -> int:
        """Write rows, in order, as NAME.parquet; `columns` gives the Arrow type of each. Returns how many."""
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema(list(columns.items()))
        place, count = f"{self._path}/{name}.parquet", 0
        self._files.create_dir(place.rpartition("/")[0], recursive=True)
        waiting = iter(rows)
        with (
            self._files.open_output_stream(f"{place}.part") as stream,
            parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
        ):
            while some := list(islice(waiting, ROWS)):
                by_column = [
                    pa.array(column, kind) for column, kind in zip(zip(*some, strict=True), schema.types, strict=True)
                ]
                writer.write_table(pa.table(by_column, schema=schema))
                count += len(some)
        self._files.move(f"{place}.part", place)
        return count


def snapshot(path: Path, target: str) -> dict[str, int]:
    """Every table of a memory as TARGET/TABLE.parquet, all as of one moment; the run may go on. Returns their rows.

    Token ids stay bytes, four to a token. Raises StoreError.
    """
    import pyarrow as pa

    types = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string(), "BLOB": pa.binary()}
    folder = Folder(target)
    with closing(file.connect(path, read_only=True)) as db:
        db.execute("BEGIN")
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        written = {}
        for table in tables:
            columns = {name: types[kind] for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})")}
            rows = db.execute(f"SELECT * FROM {table}")
            written[table] = folder.write(table, columns, readable(rows, list(columns.values()), pa.string()))
    return written


def readable(rows: Iterable[Sequence[Any]], types: Sequence[Any], text: Any) -> Iterator[list[Any]]:
    """Rows whose text is UTF-8: halves of characters, which a program may print, become question marks."""
    for row in rows:
        yield [
            text_of(value).encode(errors="replace").decode() if kind == text and isinstance(value, bytes) else value
            for value, kind in zip(row, types, strict=True)
        ]
