"""Principal components against scikit-learn's, of features and of embeddings."""

from dataclasses import replace

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


def test_the_legend_has_the_order_of_the_classes(state: State) -> None:
    legend = features(state, "test").figure().axes[0].get_legend()
    assert legend is not None
    assert tuple(each.get_text() for each in legend.get_texts()) == state.data.classes


def test_names_of_groups_are_shown_letter_by_letter() -> None:
    found = project(np.arange(12.0).reshape(4, 3), list("abcd"), ("_", "5 $ to 9 $") * 2, "prices in $ or $")
    axes = replace(found, order=("_", "5 $ to 9 $"), named=False).figure().axes[0]
    legend = axes.get_legend()
    assert legend is not None and [each.get_text() for each in legend.get_texts()] == ["_", r"5 \$ to 9 \$"]
    assert axes.get_title(loc="left") == r"prices in \$ or \$"


def test_of_many_points_some_have_names_and_none_stands_on_another() -> None:
    points = np.random.default_rng(0).normal(size=(400, 5))
    axes = project(points, [f"word {each}" for each in range(400)], (), "words").figure().axes[0]
    named = [each.get_text() for each in axes.texts]
    assert 20 < len(named) <= 60 and named[0] == "word 0"
    boxes = [each.get_window_extent() for each in axes.texts]
    overlapping = sum(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])
    assert overlapping <= 2


def test_a_hundred_groups_are_named_where_they_are(state: State) -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 2)).repeat(5, axis=0) * 10
    groups = [f"class number {each}" for each in range(100) for _ in range(5)]
    found = replace(project(vectors, groups, groups, "a test"), order=tuple(dict.fromkeys(groups)), named=False)
    axes = found.figure().axes[0]
    assert axes.get_legend() is None and len(axes.texts) > 30


def test_features_have_no_content_hash_beside_them(state: State) -> None:
    found = replace(features(state, "test"), groups=("",) * len(state.data.test), order=("",))
    few = replace(found, points=found.points[:9], names=found.names[:9], groups=found.groups[:9])
    assert not few.figure().axes[0].texts


def test_all_tables_are_one_view_in_a_notebook(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "model", nn.ModuleDict({each: nn.Embedding(5, 3) for each in ("reds", "blues")}))
    page = embeddings(state)._repr_html_()
    assert page.count("<svg") == 2 and page.index("reds") < page.index("blues")
