"""What image and antlet templates want of CentOS Stream 10: in 9's metadata, or it says where it was read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from edgelinux_build.available import Answer
from edgelinux_build.checking import ask
from edgelinux_build.images import Base, load_base, load_image
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.schema import Schema, Word
from edgelinux_build.yamlfile import validate

from tests.unit.build.stream9.extract import FOLDER, REPOSITORIES, all_wanted

ROOT = Path(__file__).resolve().parents[3]
BASE = load_base(ROOT, "centos-stream-10")
WANTED = all_wanted(load_image(ROOT, "edgelinux"), BASE)
STREAM9 = os.environ.get("EDGELINUX_STREAM9", "")

pytestmark = pytest.mark.skipif(not shutil.which("dnf"), reason="needs dnf")


class Elsewhere(Schema):
    """A name that 9's metadata do not settle."""

    repository: Word
    verified: str
    retired: str = ""


class Names(Schema):
    """images/names/*.yaml"""

    names: dict[Word, Elsewhere]


NAMES = validate(Names, ROOT / "images/names/el10.yaml").names


def answer(folder: Path, cache: Path) -> Answer:
    """Ask 9's repositories what the image asks of 10's, as a check would."""
    of_nine = tuple(one for one in BASE.mirrors.repositories if one.id in REPOSITORIES)
    mirrors = BASE.mirrors.model_copy(update={"repositories": of_nine})
    base: Base = BASE.model_copy(update={"mirrors": mirrors, "release": "9"})
    urls = {name: f"file://{folder}/{name}" for name in REPOSITORIES}
    return ask(ROOT, base, MirrorUrls(urls["baseos"], repositories=urls), WANTED, {}, cache)


def settled(missing: set[str]) -> None:
    new = {name for name, where in NAMES.items() if not where.retired}
    assert missing - new == set(), "neither in CentOS Stream 9 nor in images/names: is the name right?"
    assert new - missing == set(), "in images/names, though CentOS Stream 9 has them or nobody wants them"


def test_every_name_is_in_stream_9_or_says_where_it_is(tmp_path: Path) -> None:
    settled(set(answer(FOLDER, tmp_path).missing))


@pytest.mark.skipif(not STREAM9, reason="EDGELINUX_STREAM9 names no directory with the real metadata")
def test_every_name_is_in_the_real_metadata_of_stream_9_or_says_where_it_is(tmp_path: Path) -> None:
    found = answer(Path(STREAM9), tmp_path)
    assert found.packages > 10_000
    settled(set(found.missing))


def test_what_is_said_to_be_elsewhere_is_wanted_and_the_base_has_that_repository() -> None:
    assert NAMES.keys() - set(WANTED) == set()
    known = {repository.id for repository in BASE.mirrors.repositories}
    assert {where.repository for where in NAMES.values()} <= known
    for name, where in NAMES.items():
        for said in filter(None, (where.verified, where.retired)):
            assert said == "not verified" or said.startswith("https://"), name
