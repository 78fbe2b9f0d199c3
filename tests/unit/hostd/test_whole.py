"""Files that are written whole: by several threads at once, too, as hostd's network and its jobs do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgelinux_hostd.whole import write_whole


def test_writers_at_once_do_not_take_each_others_file_away(tmp_path: Path) -> None:
    path = tmp_path / "dns" / "antlets"
    texts = [f"{number}\n" * 2000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(lambda text: write_whole(path, text, 0o644, durable=False), texts))
    assert all(changed)
    assert path.read_text(encoding="utf-8") in texts
    assert [one.name for one in path.parent.iterdir()] == ["antlets"]
