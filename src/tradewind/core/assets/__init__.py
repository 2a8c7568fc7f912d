"""Assets: when what has happened to them is what a DAG waits for."""

from __future__ import annotations

from tradewind.core.assets.condition import ArrivedAsset, Condition, is_met, leaves, missing, outline, words_of

__all__ = ["ArrivedAsset", "Condition", "is_met", "leaves", "missing", "outline", "words_of"]
