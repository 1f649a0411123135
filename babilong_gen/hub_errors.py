"""What goes wrong when a dataset is read from the Hugging Face Hub, and what a user may do about it."""

from __future__ import annotations

from importlib import import_module
from socket import gaierror

import huggingface_hub
from huggingface_hub import constants, errors

from babilong_gen.errors import SourceError
from babilong_gen.network import (
    address_fault,
    any_proxy_fault,
    environment_fault,
    shown_address,
    through_proxy,
)
from babilong_gen.redaction import is_sendable

_HTTP_ERROR, *_OTHER_BASES = errors.HfHubHTTPError.__bases__

# The Hub's errors and, beside them, those of whichever HTTP client this version of huggingface_hub uses:
# also those for an address, a proxy or a token that it cannot use, and for an answer that is not the Hub's,
# such as the page of a hotel's network.
HUB_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    _HTTP_ERROR,
    *_OTHER_BASES,
    import_module(_HTTP_ERROR.__module__.partition(".")[0]).InvalidURL,
    ImportError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


def request_fault() -> str | None:
    """Return in one clause what on this machine keeps every request from the Hub; None where nothing does."""
    endpoint = constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        return None
    if fault := address_fault(endpoint):
        return f"HF_ENDPOINT {shown_address(endpoint)} {fault}: expected one as https://huggingface.co"
    try:
        token = huggingface_hub.get_token()
    except OSError:  # its folder cannot be read, which the error at hand tells
        token = None
    if token and not is_sendable(token):
        return "HF_TOKEN, or the login, holds characters that no token can have: copy it again from the Hub"
    return environment_fault(endpoint) or any_proxy_fault()


def reading_failed(error: BaseException, dataset: str, remedy: str) -> SourceError:
    """Return an error of `HUB_ERRORS` as ours.

    Args:
        dataset: as the user named it.
        remedy: what to do where the Hub is out of reach.
    """
    out_of_reach = f"cannot reach the Hub{through_proxy(constants.ENDPOINT)} for {dataset}; {remedy}"
    if fault := request_fault():
        return SourceError(f"cannot reach the Hub for {dataset}: {fault}")
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
            said = out_of_reach
        case OSError(strerror=str(reason)):
            said = f"cannot keep {dataset} in the Hub's cache ({reason}); make room, or set HF_HOME"
        case ValueError() | LookupError() | TypeError() | AttributeError() if not isinstance(error, OSError):
            said = f"{dataset}: what answers at {shown_address(constants.ENDPOINT)} is not the Hub; {remedy}"
        case _:
            said = out_of_reach
    return SourceError(said)
