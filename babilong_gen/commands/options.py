"""Options that several commands of the generator share."""

from typing import Annotated

import typer

from babilong_gen.user_paths import user_place

Dataset = Annotated[str, typer.Argument(parser=user_place, help="Folder of a dataset, or its URL.")]
