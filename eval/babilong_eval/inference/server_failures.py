"""What goes wrong with a request, and whom it concerns: the sample, or every sample that is still to come.

What the next sample may not meet is the sample's failure. A wrong key, an unknown model, no server at all end
the run in one line, which names what lies between: a proxy, a variable, an address.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from babilong_eval.inference.server_reply import one_line, server_words
from babilong_gen.errors import BabilongError, SourceError, UsageError, first_line
from babilong_gen.network import through_proxy
from babilong_gen.redaction import redacted

if TYPE_CHECKING:
    from babilong_eval.inference.endpoint import Endpoint


def no_server(error: BaseException, endpoint: Endpoint) -> SourceError:
    """Return that there is nothing at the address, before anything was asked."""
    where = endpoint.base_url + through_proxy(endpoint.base_url)
    return SourceError(f"no server answers at {where} ({_cause(error)}): is the server up?")


def lost_server(error: BaseException, endpoint: Endpoint) -> SourceError:
    """Return that a server is gone that had answered."""
    where = endpoint.base_url + through_proxy(endpoint.base_url)
    return SourceError(f"{where} no longer answers ({_cause(error)}); the same command continues from here")


def refused_key(status: int, endpoint: Endpoint) -> UsageError:
    """Return that the server does not take the key."""
    variable = endpoint.options.key_variable
    return UsageError(f"{endpoint.base_url} refuses the key (HTTP {status}): set {variable} to a valid one")


def not_a_completion(begin: str, endpoint: Endpoint) -> SourceError:
    """Return that whatever answers there does not speak the protocol."""
    return SourceError(
        f"{endpoint.base_url} answers, but not with a completion in JSON ({begin!r}): is it the /v1 address?"
    )


def status_failure(error: Any, endpoint: Endpoint, *, spoke: bool) -> BabilongError | str:
    """Return what an HTTP error means: an error that ends the run, or the reason of the sample's failure.

    Args:
        error: the client's, an `openai.APIStatusError`.
        spoke: whether the server has answered properly before; then 403 is about this prompt, not the key.
    """
    words = error_words(error)
    if error.status_code == 401 or (error.status_code == 403 and not spoke):
        return refused_key(error.status_code, endpoint)
    if error.status_code == 404:
        return UsageError(f"{endpoint.base_url} has no model {endpoint.model!r} ({words})")
    return f"HTTP {error.status_code}: {words}"


def error_words(error: Any) -> str:
    """Return what the server says in the body of an HTTP error."""
    try:
        body = json.loads(error.response.content)
    except (ValueError, RecursionError):
        body = error.response.text
    return server_words(body or error.response.reason_phrase)


def _cause(error: BaseException) -> str:
    return redacted(one_line(first_line(error.__cause__ or error)))
