"""Claims that their seeds cannot decide, however clear the outcome."""

from tests.project import TINY, Project, planner
from workbench.study.decidable import in_words, of_tier, undecidable
from workbench.study.spec import load_spec


def test_only_claims_with_too_few_seeds_in_words(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    few = planner(project, seeds=4)
    # one-sided, of two claims: 2 ** -5 * 2 is above 0.05; C2 claims equality
    assert [(each.claim.name, each.seeds, each.needed) for each in undecidable(few, spec)] == [("C1", 4, 6)]
    assert in_words(few, spec).startswith("C1 cannot be decided with 4 seeds: it takes 6 for 2 claims. Set seeds=6")
    assert undecidable(planner(project, seeds=6), spec) == [] and in_words(planner(project, seeds=6), spec) == ""
    assert in_words(planner(project, seeds=1), spec) == ""  # whether it runs is asked
    assert in_words(planner(project, seeds=4, sets={"fit__epochs": 1}), spec) == ""


def test_claims_without_a_verdict_are_no_part_of_the_family(project: Project) -> None:
    cells = 'cells=[Cell("main"), Cell("aside", exploratory=True)],\n    claims=['
    text = TINY.replace("import Augment,", "import Augment, Cell,").replace("claims=[", cells)
    for name, cell in (("C1", "main"), ("C2", "aside")):
        text = text.replace(f'name="{name}"', f'name="{name}", cell="{cell}"')
    project.spec("tiny", text)
    spec, asked = load_spec(project.root, "tiny"), planner(project, seeds=4)
    assert [confirmatory for _, _, confirmatory in of_tier(asked, spec)] == [True, False]
    assert in_words(asked, spec).startswith("C1 cannot be decided with 4 seeds: it takes 5 for 1 claim.")


def test_a_claim_without_a_name_has_its_place(project: Project) -> None:
    project.spec("tiny", TINY.replace(', name="C1"', "").replace(', name="C2"', ""))
    spec = load_spec(project.root, "tiny")
    assert in_words(planner(project, seeds=4), spec).startswith("C1 cannot be decided with 4 seeds")
