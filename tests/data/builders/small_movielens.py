"""A small MovieLens folder made up by a seed: users with few and many ratings, and equal timestamps."""

from __future__ import annotations

import csv
import random
from pathlib import Path


def write_movielens(folder: Path, *, ratings_of: dict[int, int], seed: int = 0, shuffled: bool = False) -> Path:
    """Write ``ratings.csv`` and ``movies.csv``; ``ratings_of`` is user -> number of ratings."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    films = {number * 7: f'Film "{number}", The ({1950 + number})' for number in range(1, 81)}
    rows = []
    for user, count in ratings_of.items():
        for film in rng.sample(sorted(films), count):
            rows.append((user, film, rng.randint(1, 10) / 2, 1000 + rng.randint(0, count // 2)))
    if shuffled:
        random.Random(seed + 1).shuffle(rows)
    with (folder / "movies.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("movieId", "title", "genres"), *((n, t, "Drama") for n, t in films.items())])
    with (folder / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("userId", "movieId", "rating", "timestamp"), *rows])
    return folder
