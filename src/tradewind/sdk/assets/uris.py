"""What the URI of an asset may be, and the one form in which it is kept."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from urllib.parse import SplitResult

    Normalizer = Callable[[SplitResult], SplitResult]

_RESERVED = "airflow"


def normalize_uri(uri: Any) -> str:
    """Return the URI in its one form; a text that looks like none, or has a scheme that begins with `x-`, as it is.

    The scheme is lowered, a trailing slash and the fragment fall away, query arguments are sorted, user and password are
    dropped with a warning where there is a password; then the provider package that knows the scheme has its say. Raises
    ValueError for the scheme `airflow`, and what a provider raises.
    """
    text = str(uri)
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if not scheme or scheme.startswith("x-"):
        return text
    if scheme == _RESERVED:
        raise ValueError(f"the URI {text!r} cannot be used: scheme 'airflow' is reserved")
    netloc = parts.netloc
    if parts.password:
        from warnings import warn  # noqa: PLC0415 - only where there is something to warn of

        warn(
            "An Asset URI should not contain a password: user and password were left out of it",
            UserWarning,
            stacklevel=3,
        )
        netloc = netloc.rpartition("@")[2]
    clean = parts._replace(
        scheme=scheme,
        netloc=netloc,
        path=parts.path.rstrip("/") or "/",
        query=urlencode(sorted(parse_qsl(parts.query))) if parts.query else "",
        fragment="",
    )
    normalizer = normalizer_of(scheme)
    return urlunsplit(clean if normalizer is None else normalizer(clean))


def normalizer_of(scheme: str) -> Normalizer | None:
    """Return what brings URIs of the scheme into form beyond the general rules; None where nobody knows the scheme."""
    if scheme == "file":
        return _as_it_is
    return _provider_normalizers().get(scheme)


def _as_it_is(parts: SplitResult) -> SplitResult:
    return parts


@lru_cache(maxsize=1)
def _provider_normalizers() -> dict[str, Normalizer]:
    """Return the normalizers of the provider packages that are installed, by scheme."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - only files that have assets with URIs need it

    from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - as above

    found: dict[str, Normalizer] = {}
    for entry_point in entry_points(group="apache_airflow_provider"):
        try:
            information = entry_point.load()()
        except Exception:  # noqa: BLE001, S112 - a broken provider is no reason against the file that is being read
            continue
        for kind in ("asset-uris", "dataset-uris"):
            for known in information.get(kind) or ():
                handler = known.get("handler")
                try:
                    normalizer = _as_it_is if handler is None else import_string(handler)
                except ImportError:
                    continue
                for scheme in known["schemes"]:
                    found.setdefault(scheme, normalizer)
    return found
