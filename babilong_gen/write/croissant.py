"""The Croissant description: `croissant.json`, by which other tools find, check and load the records.

One record set a length, as the card has one config a length; its file set are that length's shards. Every
shard stands beside them as a file object, with its size and checksum. The format is MLCommons' Croissant 1.0
(https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from babilong_gen.write.credits import citations, licences
from babilong_gen.write.folder import Folder, write_atomically
from babilong_gen.write.schema import dataset_schema

CROISSANT = "croissant.json"

_PARQUET = "application/x-parquet"

# What the names in a Croissant file stand for; readers compare it with the one that the specification prints.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs",
            "column",
            "equivalentProperty",
            "extract",
            "field",
            "fileObject",
            "fileProperty",
            "fileSet",
            "format",
            "includes",
            "isLiveDataset",
            "jsonPath",
            "key",
            "md5",
            "parentField",
            "path",
            "recordSet",
            "references",
            "regex",
            "repeated",
            "replace",
            "samplingRate",
            "separator",
            "source",
            "subField",
            "transform",
        )
    },
}


def write_croissant(folder: Folder, manifest: Mapping[str, Any]) -> None:
    """Describe a dataset whose shards are all there."""
    text = json.dumps(describe(manifest), indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / CROISSANT, text)


def describe(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Croissant description (JSON-LD); paths in it are relative to the dataset's folder."""
    spec = manifest["spec"]
    schema = dataset_schema(store_tokens=spec["store_tokens"], tasks=spec["tasks"])
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"babilong-{manifest['fingerprint'][:12]}",
        "description": (
            f"Facts and questions of {', '.join(spec['tasks'])}, hidden in noise "
            f"({manifest['noise']['source']}) at exact lengths of {', '.join(spec['lengths'])}, "
            f"in tokens of {manifest['tokenizer']['name']}."
        ),
        "version": manifest["versions"]["babilong-gen"],
        "license": licences(manifest),
        "citeAs": "\n".join(citations(manifest)),
        "inLanguage": "en",
        "keywords": ["long context", "babilong", "babi", "synthetic"],
        "distribution": [
            *(_file_set(length) for length in spec["lengths"]),
            *(_file_object(shard) for shard in manifest["shards"]),
        ],
        "recordSet": [_record_set(length, spec["tasks"], schema) for length in spec["lengths"]],
    }


def _file_set(length: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{length}-shards",
        "name": f"{length}-shards",
        "encodingFormat": _PARQUET,
        "includes": f"data/{length}/*.parquet",
    }


def _file_object(shard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard["path"],
        "name": shard["path"].rpartition("/")[2],
        "contentUrl": shard["path"],
        "contentSize": f"{shard['bytes']} B",
        "encodingFormat": _PARQUET,
        "sha256": shard["sha256"],
    }


def _record_set(length: str, tasks: Sequence[str], schema: pa.Schema) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": length,
        "name": length,
        "description": f"Samples of length {length}; the field task says of which task: {', '.join(tasks)}.",
        "key": {"@id": f"{length}/sample_id"},
        "field": [_field(length, column) for column in schema],
    }


def _field(length: str, column: pa.Field) -> dict[str, Any]:
    """Describe a column; a list of records becomes a repeated field with one subfield per name."""
    many = pa.types.is_list(column.type)
    kind = column.type.value_type if many else column.type
    field: dict[str, Any] = {"@type": "cr:Field", "@id": f"{length}/{column.name}", "name": column.name}
    if many:
        field["repeated"] = True
    if not pa.types.is_struct(kind):
        return {**field, "dataType": _data_type(kind), "source": _source(length, column.name)}
    members = [kind.field(number) for number in range(kind.num_fields)]
    return {
        **field,
        "subField": [
            {
                "@type": "cr:Field",
                "@id": f"{length}/{column.name}/{member.name}",
                "name": member.name,
                "dataType": _data_type(member.type),
                "source": _source(length, column.name) | {"transform": {"jsonPath": member.name}},
            }
            for member in members
        ],
    }


def _source(length: str, column: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"{length}-shards"}, "extract": {"column": column}}


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    return "sc:Integer" if pa.types.is_integer(kind) else "sc:Text"
