"""What the config.json of a model of ours holds: its own fields, and its backbone's whole configuration."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from transformers import AutoConfig

from babilong_gen.errors import SourceError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PretrainedConfig

C = TypeVar("C")


def with_backbone(model_type: str, config: Any, backbone: PretrainedConfig) -> dict[str, Any]:
    """Return the content for a configuration, a dataclass, and its backbone's; no adapter is left out."""
    own = {name: value for name, value in asdict(config).items() if name != "adapter" or value is not None}
    return {"model_type": model_type, **own, "backbone": backbone.to_dict()}


def names_backbone(content: Mapping[str, Any]) -> bool:
    """Return whether there is a backbone in it."""
    backbone = content.get("backbone")
    return isinstance(backbone, dict) and "model_type" in backbone


def read_fields(form: TypeAdapter[C], content: Mapping[str, Any], where: object) -> C:
    """Read a model's own fields; SourceError, with the first that is wrong, names the file as `where`."""
    try:
        return form.validate_python(content)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise SourceError(f"{where}: {field}: {first['msg']}, found {first['input']!r}") from None


def read_backbone(content: Mapping[str, Any], where: object) -> PretrainedConfig:
    """Read the backbone's configuration; SourceError where the library makes none of it."""
    settings = dict(content["backbone"])
    try:
        return AutoConfig.for_model(settings.pop("model_type"), **settings)
    except Exception as error:  # whatever its values make of the library's code
        raise SourceError(f"{where}: its backbone is no configuration: {first_line(error)}") from error
