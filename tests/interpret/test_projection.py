"""Principal components against scikit-learn's, of features and of embeddings."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from workbench.interpret.looking import batches
from workbench.interpret.projection import embeddings, features, project
from workbench.interpret.view import DoesNotApply
from workbench.training.state import State


def test_components_are_scikit_learn_s() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6)) @ np.diag([5, 3, 1, 1, 1, 0.1])
    found = project(vectors, [str(each) for each in range(50)], (), "a test")
    theirs = PCA(2).fit(vectors)
    assert np.allclose(found.explained[:2], theirs.explained_variance_ratio_)
    assert np.allclose(np.abs(found.points), np.abs(theirs.transform(vectors)))
    largest = np.abs(found.points).argmax(0)
    assert (found.points[largest, [0, 1]] > 0).all()


def test_the_same_vector_everywhere_is_one_point() -> None:
    found = project(np.ones((4, 3)), list("abcd"), (), "a test")
    assert not found.points.any() and found.notes()
    assert project(np.arange(3.0)[:, None], list("abc"), (), "one number").points[:, 1].tolist() == [0, 0, 0]


def test_features_are_what_the_head_gets(state: State) -> None:
    found = features(state, "test")
    with torch.no_grad():
        body = torch.cat(
            [state.model.body(state.learner.inputs(batch, training=False)) for batch in batches(state, "test")]
        )
    theirs = PCA(2).fit_transform(body.double().numpy())
    assert np.allclose(np.abs(found.points), np.abs(theirs), atol=1e-4)
    assert found.names == state.data.test.keys and set(found.groups) == set(state.data.classes)
    axes = found.figure().axes[0]
    assert axes.get_xlabel().endswith("% of the variance)") and axes.get_legend() is not None


def test_embeddings_by_name(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    class Embeds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.colours = nn.Embedding(5, 3)

    with pytest.raises(DoesNotApply, match="VisionModel has no embeddings"):
        embeddings(state)
    monkeypatch.setattr(state, "model", Embeds())
    found = embeddings(state)
    assert list(found) == ["colours"] and found["colours"].names == ("0", "1", "2", "3", "4")
    assert found["colours"].figure().axes[0].texts[0].get_text() == "0"


def test_a_network_may_name_its_own(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    class Names(nn.Module):
        def embeddings(self) -> dict[str, torch.Tensor]:
            return {"users": torch.eye(4), "too few": torch.eye(2)}

    monkeypatch.setattr(state, "model", Names())
    assert list(embeddings(state)) == ["users"]
