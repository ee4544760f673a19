"""Examples, tasks and made-up texts for the tests of metrics."""

from __future__ import annotations

import random

from crossover.records import Example, Json, Kind, TaskSpec

_WORDS = """
the a an dogs dog playing played snow in river running generously universal university relational hopping flies dying
skies happy happily cat's don't well-known 1815 3.5 7,200 x2 U.S. Größe straße über café naïve été ИВАН мир cold winter
children child red ball on under bridge old man's hat agreed sized conditional rational triplicate Ada London Paris
programme program first written wrote writes quickly bright window garden , . ! ? ; : - ( ) “ ” ' " %
"""
WORDS = _WORDS.split()


def example(target: str | None, *references: str, checks: str | None = None, row: int = 2) -> Example:
    return Example(
        id=f"test:{row}", inputs={"text": "a text"}, target=target, row=row, references=references, checks=checks
    )


def spec(kind: Kind, *labels: str, schema: dict[str, Json] | None = None) -> TaskSpec:
    return TaskSpec(
        name="t",
        kind=kind,
        metric="",
        input_fields=("text",),
        target_field="target",
        labels=labels,
        schema=schema,
    )


def made_text(draw: random.Random, low: int = 1, high: int = 24) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(low, high)))


def made_answer(draw: random.Random, target: str) -> str:
    """Return what somebody may answer: the target with words left out, moved, replaced, added, spelled otherwise."""
    words = target.split()
    for _ in range(draw.randint(0, 6)):
        place = draw.randrange(len(words) + 1)
        change = draw.randrange(6)
        if change == 0:
            words.insert(place, draw.choice(WORDS))
        elif not words:
            continue
        elif change == 1:
            words.pop(place % len(words))
        elif change == 2:
            words[place % len(words)] = draw.choice(WORDS)
        elif change == 3:
            words[place % len(words)] = words[place % len(words)].upper()
        elif change == 4:
            draw.shuffle(words)
        else:
            words[place % len(words)] += draw.choice(("s", "ing", ".", "!", "ed"))
    joined = draw.choice((" ", " ", "  ", "\n")).join(words)
    return draw.choice(("", made_text(draw))) if draw.random() < 0.1 else joined


def made_rows(n: int, seed: int, *, n_references: int = 0) -> list[tuple[str, Example]]:
    """Return n (answer, example) pairs; examples have up to so many further references."""
    draw = random.Random(seed)
    rows = []
    for row in range(2, n + 2):
        target = made_text(draw)
        others = [made_answer(draw, target) or "other" for _ in range(draw.randint(0, n_references))]
        rows.append((made_answer(draw, target), example(target, *others, row=row)))
    return rows
