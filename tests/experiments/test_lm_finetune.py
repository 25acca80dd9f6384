"""The networks that lm_finetune brings itself: words alone, and a text network that starts from vectors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from workbench import Learner, OneCycle, Split, Texts
from workbench.data.archive import write_npz
from workbench.streams import Seeds
from workbench.study.spec import load_spec

ROOT = Path(__file__).resolve().parents[2]
SPEC = load_spec(ROOT, "lm_finetune").experiment


def test_words_alone_tell_whether_a_word_occurs_wherever_it_stands() -> None:
    texts = [f"{'red' if n % 2 else 'blue'} {'and green ' * (n % 5)}w{n}" for n in range(200)]
    labels = ["yes" if n % 2 else "no" for n in range(200)]

    class Words(Learner):
        """Is red in it?"""

        data = Texts.of(pd.DataFrame({"text": texts, "label": labels}))
        model = SPEC.arm("WordsAlone").model
        fit = OneCycle(epochs=3, batch=16, lr=1e-2)

    result = Words(0).run()
    assert result.metrics["test/error"] == 0.0
    # padding and the order of the words change nothing
    encoder = Words(0).begin().data.encoder
    short, long = encoder.encode(["red and green"]), encoder.encode(["green and red", "red and green " * 9])
    one, two = result.model(short[torch.tensor([0])]), result.model(long[torch.tensor([0, 1])])
    assert torch.allclose(one[0], two[0]) and torch.allclose(one[0], two[1])


def test_known_words_begin_with_their_vectors(tmp_path: Path) -> None:
    words = ["the", "jeans", "denim", "never"]
    vectors = np.array([[1.0, 0.0], [5.0, 2.0], [5.0, 2.5], [9.0, 9.0]], dtype=np.float32)
    text = "".join(f"{word}\n" for word in words).encode()
    write_npz(tmp_path / "v.npz", {"words": np.frombuffer(text, dtype=np.uint8), "vectors": vectors})
    frame = pd.DataFrame(
        {"text": [f"the jeans denim shoe {n}" for n in range(40)], "label": [n % 2 for n in range(40)]}
    )
    data = Texts.of(frame).load(Seeds.of(0), tmp_path)
    part = SPEC.arm("WordVectors").model.but(vectors="v.npz", width=16)
    assert part.files() == ("v.npz",)
    rows = part.build(data.signature, seeds=Seeds.of(0), root=tmp_path).body.embedding.weight
    plain = SPEC.arm("Scratch").model.but(width=16).build(data.signature, seeds=Seeds.of(0), root=tmp_path)
    fresh = plain.body.embedding.weight
    row = {token: number for number, token in enumerate(data.signature.tokens)}
    known = [row[word] for word in words[:3]]
    expected = torch.from_numpy(vectors[:3])
    expected = (expected - expected.mean(dim=0)) / expected.std(dim=0) * fresh.std()
    assert torch.allclose(rows[known, :2], expected) and torch.equal(rows[known, 2:], fresh[known, 2:])
    others = [number for number in range(len(rows)) if number not in known]
    assert torch.equal(rows[others], fresh[others])


def test_no_language_model_reads_what_is_tested(carried: Callable[[str], Path]) -> None:
    """The division is by content hash alone where both say how, so the vocabularies of all training texts are one."""
    carried("data/clothing.csv")
    continued, answered = (SPEC.baseline.data, load_spec(ROOT, "clothing_lm").experiment.baseline.data)
    assert continued.split == answered.split == Split("random")
    tokens = [
        each.but(most=None, min_count=1).load(Seeds.of(0), ROOT).signature.tokens for each in (continued, answered)
    ]
    assert tokens[0] == tokens[1]
