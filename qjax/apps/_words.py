"""Words with a rated polarity, and their embeddings distilled from large language models."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np

from qjax._extras import require

PURPOSE = "The words of the app `large_model_adapter`"
EXTRA = "apps-adapter"
WORD = re.compile(r"[a-z]{3,}")  # neither emoticons nor abbreviations with digits


def rated_words() -> tuple[list[str], np.ndarray]:
    """The words of VADER's lexicon, and whether ten people rated them positive in the mean.

    References:
        C. J. Hutto, E. Gilbert, VADER: a parsimonious rule-based model for sentiment analysis of
        social media text, ICWSM 2014.
    """
    folder = files(require("vaderSentiment", EXTRA, PURPOSE))
    lexicon = (folder / "vader_lexicon.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in lexicon.splitlines())
    ratings = {row[0]: float(row[1]) for row in rows if WORD.fullmatch(row[0])}
    return list(ratings), np.array([rating > 0 for rating in ratings.values()])


def embeddings(words: list[str]) -> np.ndarray:
    """The mean of the embeddings of a word's tokens, normalised, of shape (words, 256).

    The table of 32,000 tokens and the tokenizer come with the package; nothing is downloaded.

    References:
        D. L. Miller, WordLlama: recycled token embeddings from large language models, 2024,
        https://github.com/dleemiller/wordllama.
    """
    package = require("wordllama", EXTRA, PURPOSE)
    # The package looks for its tokenizer in a folder of another name, but in a cache's rightly.
    home = Path(str(package.__file__)).parent
    table = package.WordLlama.load(cache_dir=home, disable_download=True)
    return np.asarray(table.embed(words, norm=True), np.float32)
