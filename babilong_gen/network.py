"""What lies between this machine and a server, as the environment has it: addresses, proxies, certificates.

HTTP clients read the environment themselves, and where it is wrong they fail late, or with an error that
does not name the variable. So it is looked at here, before a request or after one has failed.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that the environment names.

    Attributes:
        variable: the one that names it.
        url: where it is; may hold a password.
    """

    variable: str
    url: str

    @property
    def shown(self) -> str:
        """Return the address as it may be printed."""
        return f"{shown_address(self.url)} of {self.variable}"


def address_fault(url: str) -> str | None:
    """Return in a few words what is wrong with the address of a server; None where nothing is."""
    if not _has_valid_port(url):
        return "has a port that is no number from 1 to 65535"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is no web address"
    if parts.username or parts.password:
        return "holds a user or a password"
    return "goes on after ? or #" if parts.query or parts.fragment else None


def shown_address(url: str) -> str:
    """Return an address as it may be printed: without user and password, and what follows ? or #."""
    scheme, separator, place = re.split("[?#]", url)[0].rpartition("://")
    return scheme + separator + place.rpartition("@")[2]


def environment_fault(url: str) -> str | None:
    """Return in one clause what in the environment keeps every request from a server; None if nothing."""
    for name in _CERTIFICATE_VARIABLES:
        place = os.environ.get(name)
        if place and not Path(place).exists():
            return f"{name} names {place}, which is not there: correct or unset it"
    try:
        ssl_context()
    except OSError:
        place = os.environ["SSL_CERT_FILE"]
        return f"SSL_CERT_FILE names {place}, which holds no certificates: correct or unset it"
    if (proxy := proxy_for(url)) is not None:
        return proxy_fault(proxy)
    return None


def store_fault(protocol: str) -> str | None:
    """Return in one clause what in the environment keeps a driver from its store; None if nothing."""
    if protocol not in ("s3", "s3a"):
        return None
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        address = os.environ.get(name)
        if address and (fault := address_fault(address)):
            return f"{name} {shown_address(address)} {fault}: expected one as https://HOST:PORT"
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        return f"AWS_CA_BUNDLE names {bundle}, which is not there: correct or unset it"
    return None


def proxy_fault(proxy: Proxy) -> str | None:
    """Return in one clause why a proxy cannot be used; None where nothing speaks against it."""
    if not _has_valid_port(proxy.url) or urlsplit(proxy.url).scheme not in _PROXY_SCHEMES:
        return f"the proxy {proxy.shown} has no address that can be used: expected one as http://HOST:PORT"
    if urlsplit(proxy.url).scheme.startswith("socks") and find_spec("socksio") is None:
        return (
            f"the proxy {proxy.shown} needs a package that is not installed: pip install socksio, or unset it"
        )
    return None


def any_proxy_fault() -> str | None:
    """Return the same of all proxies, for clients that open each of them, whether they need it or not."""
    faults = (proxy_fault(proxy) for scheme in ("http", "https", "all") if (proxy := _named(scheme)))
    return next(filter(None, faults), None)


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy through which a server is asked; None where it is asked directly."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return _named(parts.scheme) or _named("all")


def through_proxy(url: str) -> str:
    """Return ` through the proxy …` for a message about a server; nothing where it is asked directly."""
    proxy = proxy_for(url)
    return f" through the proxy {proxy.shown}" if proxy else ""


def ssl_context() -> ssl.SSLContext | None:
    """Return what checks servers by the certificates that the environment names; None where it names none.

    Raises:
        OSError: they cannot be read.
    """
    file, folder = (os.environ.get(name) or None for name in _CERTIFICATE_VARIABLES)
    return ssl.create_default_context(cafile=file, capath=folder) if file or folder else None


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # not a number, too large, or brackets that do not pair
        return False


def _named(scheme: str) -> Proxy | None:
    url = getproxies().get(scheme)
    if not url:
        return None
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    variable = next((name for name in names if os.environ.get(name)), "the system's settings")
    return Proxy(variable=variable, url=url if "://" in url else f"http://{url}")
