"""What the installation says about values: the root hands it to every process that runs author code."""

from __future__ import annotations

from tradewind.sdk.lookups.chain import install_secrets_backends, use_cache
from tradewind.sdk.ports import xcom_codec
from tradewind.sdk.state_stores.accessors import clear_on_success
from tradewind.sdk.toolkit.masking import set_sensitive_fields
from tradewind.sdk.xcoms.backend import install_xcom_backend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def install_author_values(
    *,
    xcom_backend: str = "",
    allowed_classes: Sequence[str] = (),
    allowed_class_regexps: Sequence[str] = (),
    secrets_backends: Sequence[Sequence[Any]] = (),
    cached_s: float | None = None,
    sensitive_names: Sequence[str] = (),
    clears_state_on_success: bool = False,
) -> None:
    """Make these hold for this process: no author code is imported yet.

    `secrets_backends` are pairs of a class's dotted name and its arguments; `cached_s` is for how many seconds
    variables are remembered, None for not at all. Raises `re.error` for a wrong regular expression.
    """
    install_xcom_backend(xcom_backend)
    if allowed_classes or allowed_class_regexps:
        xcom_codec().allow_classes(allowed_classes, allowed_class_regexps)
    install_secrets_backends((path, arguments) for path, arguments in secrets_backends)
    use_cache(cached_s)
    set_sensitive_fields(sensitive_names)
    clear_on_success(is_on=clears_state_on_success)
