"""What goes wrong when a dataset is read from the Hugging Face Hub, and what a user may do about it."""

from __future__ import annotations

from socket import gaierror

from huggingface_hub import errors

from babilong_gen.errors import SourceError

# The Hub's errors and, beside them, those of whichever HTTP client this version of huggingface_hub uses.
HUB_ERRORS: tuple[type[BaseException], ...] = (OSError, *errors.HfHubHTTPError.__bases__)


def reading_failed(error: BaseException, dataset: str, remedy: str) -> SourceError:
    """Return an error of `HUB_ERRORS` as ours.

    Args:
        dataset: as the user named it.
        remedy: what to do where the Hub is out of reach.
    """
    match error:
        case errors.GatedRepoError():
            said = f"{dataset} is gated; accept its terms on the Hub and log in with `hf auth login`"
        case errors.RevisionNotFoundError():
            said = f"{dataset}: no such revision; expected a branch or commit"
        case errors.RepositoryNotFoundError():
            said = f"{dataset}: no such dataset on the Hub, or a private one; try `hf auth login`"
        case errors.HfHubHTTPError():
            said = f"{dataset}: the Hub answers {error.response.status_code}; {remedy}"
        case errors.OfflineModeIsEnabled():
            said = f"{dataset} is not in the cache and HF_HUB_OFFLINE is set; {remedy}"
        case ConnectionError() | TimeoutError() | gaierror():
            said = f"cannot reach the Hub for {dataset}; {remedy}"
        case OSError(strerror=str(reason)):
            said = f"cannot keep {dataset} in the Hub's cache ({reason}); make room, or set HF_HOME"
        case _:
            said = f"cannot reach the Hub for {dataset}; {remedy}"
    return SourceError(said)
