"""Writing a file so that a kill at any moment leaves the old file or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place when the block ends without an error.

    It is written beside its place, flushed to disk and then renamed. A kill while writing leaves a
    file `.NAME.PID.partial` beside it, which may be deleted.

    Args:
        path: The file; its folder must exist.

    Raises:
        FileNotFoundError: If it does not.
        IsADirectoryError: If `path` is a folder.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with whole_file(Path(folder.name) / "a.txt") as file:
        ...     _ = file.write(b"text")
        >>> [p.name for p in Path(folder.name).iterdir()]
        ['a.txt']
        >>> folder.cleanup()
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder to write to must exist, but does not.")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: must be a file, but is a folder.")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # only there can a folder be opened, to make the rename last
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
