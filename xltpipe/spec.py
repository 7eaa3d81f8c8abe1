"""Settings of a component: a frozen pydantic model that knows what can change its result."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict


class _Incidental:
    """Marks a field that cannot change the result (threads, device, batch size)."""


Incidental = _Incidental()
"""Use as `threads: Annotated[int, Incidental] = 0`: the field stays out of `identity()`."""


class Spec(BaseModel):
    """Base of all settings. Unknown keys are errors; nothing can be changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def identity(self) -> dict[str, Any]:
        """What decides the result: all fields but the incidental ones, at any depth.

        Component files (models, bitexts) enter by content through `fingerprint()`.
        """
        fields = type(self).model_fields
        out: dict[str, Any] = {
            name: _plain(getattr(self, name))
            for name, field in fields.items()
            if Incidental not in field.metadata
        }
        out |= {f"{name}!": digest for name, digest in sorted(self.fingerprint().items())}
        return out

    def check(self) -> None:
        """Meet what is missing on this machine before a run begins; by default nothing can be.

        Raises:
            MissingExtraError: a package or program that this component needs is not installed.
        """

    def fingerprint(self) -> dict[str, str]:
        """Content hashes of the files this component reads, by field name; none by default."""
        return {}


class Licensed(Spec):
    """Settings that name what somebody made: data, or a model."""

    licence: Annotated[str | None, Incidental] = None
    """Such as `cc-by-4.0`. Unset, the card (README.md) beside the file or model is asked."""


def _plain(value: object) -> Any:
    if isinstance(value, Spec):
        return value.identity()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
