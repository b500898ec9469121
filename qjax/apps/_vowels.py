"""The Japanese Vowels recordings: nine speakers, each utterance a sequence of 12 cepstra."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from qjax._extras import require

SPEAKERS = 9
EXTRA = ("apps-speech", "The app `speech`")


@dataclass(frozen=True)
class Utterances:
    """Utterances, padded with zeros at the end.

    Attributes:
        frames: Standardised cepstra, float32 of shape (utterances, T, 12).
        mask: 1 for a frame, 0 for padding, float32 of shape (utterances, T).
        speakers: Who spoke, int32 of shape (utterances,), from 0.
    """

    frames: np.ndarray
    mask: np.ndarray
    speakers: np.ndarray

    def __len__(self) -> int:
        return len(self.speakers)

    @property
    def means(self) -> np.ndarray:
        """Mean of each cepstrum over an utterance, of shape (utterances, 12)."""
        return self.frames.sum(axis=1) / self.mask.sum(axis=1)[:, None]

    @property
    def summary(self) -> np.ndarray:
        """Mean and standard deviation of each cepstrum, of shape (utterances, 24)."""
        apart = (self.frames - self.means[:, None]) ** 2 * self.mask[..., None]
        deviations = np.sqrt(apart.sum(axis=1) / self.mask.sum(axis=1)[:, None])
        return np.concatenate([self.means, deviations], axis=1)


def japanese_vowels() -> tuple[Utterances, Utterances]:
    """The 270 utterances for training and the 370 of the test, from the files within aeon.

    References:
        M. Kudo, J. Toyama and M. Shimbo, Multidimensional curve classification using
        passing-through regions, Pattern Recognition Letters 20, 1103 (1999).
    """
    datasets = require("aeon.datasets", *EXTRA)
    folder = files("aeon.datasets") / "data" / "JapaneseVowels"
    train, test = (
        datasets.load_from_ts_file(str(folder / f"JapaneseVowels_{part}.ts"))
        for part in ("TRAIN", "TEST")
    )
    longest = max(one.shape[1] for one in (*train[0], *test[0]))
    known = np.concatenate([one.T for one in train[0]])  # (frames, 12)
    mean, deviation = known.mean(axis=0), known.std(axis=0)

    def padded(sequences: list[np.ndarray], labels: np.ndarray) -> Utterances:
        frames = np.zeros((len(sequences), longest, known.shape[1]), np.float32)
        mask = np.zeros(frames.shape[:2], np.float32)
        for row, one in enumerate(sequences):
            frames[row, : one.shape[1]] = (one.T - mean) / deviation
            mask[row, : one.shape[1]] = 1
        return Utterances(frames, mask, np.asarray(labels).astype(np.int32) - 1)

    return padded(*train), padded(*test)
