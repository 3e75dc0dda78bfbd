# mypy: disable-error-code="no-any-return"
"""Text as counts of words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.conversion.converters.scaling import normalized
from assay.packaging.conversion.frame import Data, matrix
from assay.packaging.conversion.graph import ML
from assay.packaging.conversion.refusal import unsupported
from assay.packaging.conversion.registry import converts

if TYPE_CHECKING:
    from assay.packaging.conversion.tensor import Tensor

CONTRIB = "com.microsoft"
WORD = r"[\p{L}\p{N}_]"
"""What Python's `\\w` matches, as RE2 says it: `\\w` and `\\b` know ASCII alone there."""
END = 2**31
WIDEST = 2**14
"""Hashed columns: every row holds them all, mostly zeros."""


def _expression(vectorizer: Any) -> str:
    """The pattern of a token: a run of word characters, of some least length."""
    pattern = vectorizer.token_pattern.removeprefix("(?u)")
    found = re.fullmatch(r"(\\b)?((?:\\w)+)\+(\\b)?", pattern)
    if found is None:
        raise unsupported(vectorizer, f"`token_pattern={vectorizer.token_pattern!r}`")
    return f"{WORD}{{{len(found[2]) // 2},}}"


def _checked(vectorizer: Any) -> None:
    for name in ("preprocessor", "tokenizer"):
        if getattr(vectorizer, name) is not None:
            raise unsupported(vectorizer, f"a `{name}` of one's own")
    if vectorizer.analyzer != "word":
        raise unsupported(vectorizer, f"`analyzer={vectorizer.analyzer!r}`")
    if vectorizer.strip_accents is not None:
        raise unsupported(vectorizer, f"`strip_accents={vectorizer.strip_accents!r}`")
    if vectorizer.stop_words is not None and vectorizer.ngram_range[1] > 1:
        raise unsupported(vectorizer, "`stop_words` and n-grams of several words")


def _tokens(vectorizer: Any, data: Data, *, ascii_only: bool) -> Tensor:
    """The words of each text, padded with the empty string: (n, longest).

    Lower case is Python's for all but two letters: Σ at the end of a word, and İ.
    """
    texts = matrix(data, "string").reshape(-1)
    if vectorizer.lowercase:
        # a word with a letter beyond ASCII is in no vocabulary of ASCII, in whatever case
        locale = "C" if ascii_only else "C.UTF-8"
        if not ascii_only:
            texts.graph.changes.append(f"Where it is served, the locale {locale} is needed.")
        texts = texts.op("StringNormalizer", case_change_action="LOWER", locale=locale)
    return texts.op(
        "Tokenizer",
        domain=CONTRIB,
        mark=0,
        mincharnum=1,
        pad_value="",
        tokenexp=_expression(vectorizer),
    )


def _from(tokens: Tensor, start: int, stop: int) -> Tensor:
    """Columns from `start`; `stop` counts from the end where it is negative."""
    bounds = [tokens.graph.constant(np.array([one])) for one in (start, stop, 1)]
    return tokens.graph.node("Slice", [tokens, *bounds], dtype=tokens.dtype)


def _grams(tokens: Tensor, lowest: int, highest: int) -> list[Tensor]:
    """Runs of words, a space between: (n, m) each; past the last word they end in a space."""
    found = [tokens]
    for words in range(2, highest + 1):
        before = _from(found[-1], 0, -1).op("StringConcat", np.array([[" "]], dtype=object))
        found.append(before.op("StringConcat", _from(tokens, words - 1, END)))
    return found[lowest - 1 :]


def _summed(places: Tensor, amounts: Tensor, width: int) -> Tensor:
    """Amounts added up by place: (n, width); the place `width` is nowhere."""
    graph = places.graph
    rows = graph.node("Shape", [places], dtype="int64", start=0, end=1)
    shape = graph.concat([rows, graph.constant(np.array([width + 1]))], axis=0)
    zeros = graph.node("Expand", [graph.constant(np.array([[0.0]])), shape], dtype="float64")
    summed = graph.node(
        "ScatterElements", [zeros, places, amounts], dtype="float64", axis=1, reduction="add"
    )
    return summed.take(range(width))


@converts("sklearn.CountVectorizer", method="transform")
def counts(vectorizer: Any, data: Data) -> Tensor:
    """How often each term is in a text."""
    _checked(vectorizer)
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    width = len(terms)
    tokens = _tokens(vectorizer, data, ascii_only=all(term.isascii() for term in terms))
    lowest, highest = vectorizer.ngram_range
    places = tokens.graph.concat(_grams(tokens, lowest, highest)).op(
        "LabelEncoder",
        dtype="int64",
        domain=ML,
        keys_strings=terms,
        values_int64s=[int(vectorizer.vocabulary_[term]) for term in terms],
        default_int64=width,
    )
    made = _summed(places, places.cast("float64") * 0.0 + 1.0, width)
    return (made > 0.0).cast("float64") if vectorizer.binary else made


@converts("sklearn.TfidfTransformer", method="transform")
def weighted(transformer: Any, data: Data) -> Tensor:
    """Counts by how rare a term is, rows of length 1."""
    made = matrix(data)
    if transformer.sublinear_tf:
        some = made > 0.0
        made = some.where(some.where(made, 1.0).op("Log") + 1.0, 0.0)
    if transformer.use_idf:
        made = made * np.asarray(transformer.idf_)[None, :]
    return normalized(made, transformer.norm) if transformer.norm else made


@converts("sklearn.TfidfVectorizer", method="transform")
def tfidf(vectorizer: Any, data: Data) -> Tensor:
    """Both."""
    return weighted(vectorizer._tfidf, counts(vectorizer, data))  # noqa: SLF001 (fitted, and has no other name)


@converts("sklearn.HashingVectorizer", method="transform")
def hashed(vectorizer: Any, data: Data) -> Tensor:
    """Terms by their hash, which also says whether they count as 1 or -1."""
    _checked(vectorizer)
    width = int(vectorizer.n_features)
    if width > WIDEST:
        raise unsupported(vectorizer, f"`n_features={width}`, which is more than {WIDEST}")
    tokens = _tokens(vectorizer, data, ascii_only=False)
    lowest, highest = vectorizer.ngram_range
    hashes, amounts = [], []
    for words, gram in enumerate(_grams(tokens, lowest, highest), lowest):
        last = _from(tokens, words - 1, END)  # empty where the run goes past the text's end
        code = gram.op("MurmurHash3", domain=CONTRIB, dtype="int32", positive=0, seed=0).cast(
            "int64"
        )
        sign = (code < 0).where(-1, 1) if vectorizer.alternate_sign else code * 0 + 1
        hashes.append(code)
        amounts.append(last.equals("").where(sign * 0, sign))
    graph = tokens.graph
    code, amount = graph.concat(hashes), graph.concat(amounts).cast("float64")
    places = graph.node("Mod", [code.op("Abs"), code.like(width)], dtype="int64")
    made = _summed(places, amount, width)
    if vectorizer.binary:
        made = made.equals(0.0).where(made, 1.0)
    return normalized(made, vectorizer.norm) if vectorizer.norm else made
