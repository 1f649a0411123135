"""A folder that is being filled: what it is going to hold, and what machines have noted of their parts.

The first run claims the folder with its plan (`.unfinished.json`), which holds all that the manifest says
apart from the shards, so that the manifest can be written where neither noise nor tokenizer is at hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from babilong_gen.errors import OutputError, first_line
from babilong_gen.foreign_files import is_leftover
from babilong_gen.noise.sources.source import NoiseSource
from babilong_gen.prepare import Prepared
from babilong_gen.write.folder import (
    Folder,
    file_sizes,
    leftovers,
    make_folder,
    remove_file,
    write_atomically,
)
from babilong_gen.write.manifest import MANIFEST, UNFINISHED, provenance
from babilong_gen.write.plan import count_shards, plan_shards
from babilong_gen.write.shards import Shard, WrittenShard

_PARTS = ".part-*.json"

# The Hub puts it into every new repository.
_GIT_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlan:
    """What a folder is going to hold.

    Attributes:
        provenance: the manifest without what depends on the shards.
        noise_tokens: tokens of the noise that each task may use.
        shard_counts: into how many shards a task is cut, by length.
    """

    provenance: Mapping[str, Any]
    noise_tokens: Mapping[str, int]
    shard_counts: Mapping[str, int]

    @property
    def fingerprint(self) -> str:
        """Of the spec and the content of its sources."""
        return self.provenance["fingerprint"]

    @property
    def shards(self) -> list[Shard]:
        """All shards that the folder is going to hold."""
        spec = self.provenance["spec"]
        return plan_shards(spec["tasks"], spec["samples"], self.shard_counts)


_PLAN, _SHARDS = TypeAdapter(DatasetPlan), TypeAdapter(list[WrittenShard])


def make_plan(prepared: Prepared, source: NoiseSource) -> DatasetPlan:
    """Plan the dataset of a run that has found everything it needs."""
    corpus = prepared.corpus()
    return DatasetPlan(
        provenance=provenance(prepared, source),
        noise_tokens={task: prepared.pool(task).tokens for task in prepared.spec.tasks},
        shard_counts=count_shards(prepared.spec, bytes_a_token=len(corpus.text) / len(corpus.tokens)),
    )


def start_folder(folder: Folder, plan: DatasetPlan) -> None:
    """Claim a folder for a plan, or accept it where an earlier run or another machine claimed it already.

    Raises:
        OutputError: the folder holds something else, or a dataset of another spec; it says what differs.
    """
    # Listed first: all that another machine puts there before its plan is the plan's temporary file.
    there = folder.iterdir() if folder.exists() else ()
    names = [path.name for path in there if not is_leftover(path)]
    known = _known(folder)
    if known is None:
        if any(UNFINISHED not in name and name != _GIT_ATTRIBUTES for name in names):
            raise OutputError(
                f"{folder} is not empty and holds no dataset of this program's: give another --out"
            )
        make_folder(folder)
    else:
        difference = _difference(known, plan.provenance)
        if difference:
            raise OutputError(
                f"{folder} holds a dataset of another spec ({difference}): give another --out, or remove it"
            )
    if not (folder / MANIFEST).exists():
        write_atomically(folder / UNFINISHED, json.dumps(asdict(plan), indent=1))


def read_plan(folder: Folder) -> DatasetPlan:
    """Read the plan of a folder that is not finished.

    Raises:
        OutputError: there is none, or it cannot be read.
    """
    path = folder / UNFINISHED
    try:
        return _PLAN.validate_python(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise OutputError(
            f"{folder} holds no unfinished dataset (there is no {UNFINISHED}): generate its shards first"
        ) from None
    except ValueError as broken:
        reason = first_line(broken)
        raise OutputError(f"{path} cannot be read ({reason}): give the generate command again") from broken


def note_part(folder: Folder, plan: DatasetPlan, written: Sequence[WrittenShard]) -> None:
    """Note sizes and checksums of a part, so that its shards need not be read again to finish."""
    paths = "\n".join(shard.path for shard in written)
    name = _PARTS.replace("*", hashlib.sha256(paths.encode()).hexdigest()[:16])
    part = {"fingerprint": plan.fingerprint, "shards": [asdict(shard) for shard in written]}
    write_atomically(folder / name, json.dumps(part, indent=1))


def noted_shards(folder: Folder, plan: DatasetPlan) -> dict[str, WrittenShard]:
    """Return the shards that parts have noted and that are there in the size noted, by path."""
    sizes = file_sizes(folder, "data/*/*.parquet")
    noted = {}
    for name in file_sizes(folder, _PARTS):
        part = json.loads((folder / name).read_bytes())
        if part["fingerprint"] == plan.fingerprint:
            shards = _SHARDS.validate_python(part["shards"])
            noted |= {shard.path: shard for shard in shards if sizes.get(shard.path) == shard.bytes}
    return noted


def clear_leftovers(folder: Folder, shards: Sequence[Shard]) -> None:
    """Remove what killed runs left of these shards; those of other machines may be under way."""
    ours = {folder / shard.path for shard in shards}
    for meant, leftover in leftovers(folder, "data/*"):
        if meant in ours:
            leftover.unlink(missing_ok=True)


def finish_folder(folder: Folder, manifest: Mapping[str, Any]) -> None:
    """Write the manifest: from now on the dataset is whole."""
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    for name in [*file_sizes(folder, UNFINISHED), *file_sizes(folder, _PARTS)]:
        remove_file(folder / name)


def _known(folder: Folder) -> Mapping[str, Any] | None:
    """Return what the folder holds, finished or not."""
    for name in (MANIFEST, UNFINISHED):
        try:
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            known = found if name == MANIFEST else found["provenance"]
            return {"spec": dict(known["spec"]), "fingerprint": str(known["fingerprint"])}
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError) as broken:
            raise OutputError(
                f"{folder / name} cannot be read ({broken}): remove {folder} and start again"
            ) from broken
    return None


def _difference(known: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    names = sorted({*known["spec"], *ours["spec"]})
    differing = [
        f"{name}: there {known['spec'].get(name)!r}, now {ours['spec'].get(name)!r}"
        for name in names
        if known["spec"].get(name) != ours["spec"].get(name)
    ]
    if not differing and known["fingerprint"] != ours["fingerprint"]:
        return "the content of the noise, the stories or the tokenizer has changed since"
    return "; ".join(differing)
