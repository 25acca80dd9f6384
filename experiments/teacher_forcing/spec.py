"""Does it help a network that writes to be fed its own tokens in training, as it will be when it writes alone?

Each arm is one rule for what the decoder is fed before each place of the true target: the true token, or the one that
it finds likeliest itself. All arms are scored on what they write freely. The cells are two tasks with attention or
without, at two budgets and with more or less to learn from. README.md says whose rule each arm is.
"""

from workbench import (
    Cell,
    Choice,
    Claim,
    Experiment,
    Learner,
    OneCycle,
    Seq2Seq,
    Split,
    TeacherForcing,
    TextPairs,
    Tier,
)


class CourseRule(TeacherForcing):
    """fast.ai's rule (translation lesson, 2018), stretched to the run: in the first of 12 epochs always, in each later
    one a tenth less, in the last two never.

    ``epochs``: of the lesson. ``decay``: how many of them force at all.
    """

    epochs: int = 12
    decay: int = 10

    def share(self, progress: float) -> float:
        """``(decay - epoch) / decay``, and then 0."""
        epoch = int(self.epochs * progress + 1e-9)
        return max(0.0, (self.decay - epoch) / self.decay)


class Full(Learner):
    """The true token always: teacher forcing, as nearly everybody trains."""

    data = TextPairs("data/cmudict.tsv", train=5_000, split=Split(test=0.008), validation=0.008)
    model = Seq2Seq(attention="additive", width=64)
    fit = OneCycle(epochs=5, batch=64, lr=1e-2, clip=1.0)
    diagnostics = ("forced",)


class Linear(Full):
    """Scheduled sampling with a linear fall from always to never, a coin a token (Bengio et al. 2015)."""

    model = Full.model.but(forcing=TeacherForcing(end=0.0))


class Exponential(Full):
    """The same by their k**i, which falls fast and reaches 0.01."""

    model = Full.model.but(forcing=TeacherForcing(end=0.01, by="exponential"))


class InverseSigmoid(Full):
    """The same by their k / (k + exp(i / k)): forced for long, then hardly."""

    model = Full.model.but(forcing=TeacherForcing(end=0.0, by="inverse_sigmoid"))


class LinearPerStep(Full):
    """The linear fall with one coin a place for the whole batch."""

    model = Full.model.but(forcing=TeacherForcing(end=0.0, unit="step"))


class LinearPerSequence(Full):
    """The linear fall with one coin a sequence: it is forced throughout or not at all."""

    model = Full.model.but(forcing=TeacherForcing(end=0.0, unit="sequence"))


class Course(Full):
    """fast.ai's rule: steps of a tenth, one coin a place for the whole batch, the last sixth of the run never."""

    model = Full.model.but(forcing=CourseRule(end=0.0, unit="step"))


class Never(Full):
    """Its own token always: Bengio's "always sampling", and what fast.ai's lesson starts from."""

    model = Full.model.but(forcing=TeacherForcing(start=0.0, end=0.0))


sounds = Cell(
    "sounds",
    arms=[Full, Linear, Course, Never],
    about="spelling to phonemes, with attention: 5,000 words, 5 epochs",
)
fewer = Cell(
    "sounds/fewer",
    arms=[Full, Linear],
    about="1,000 words, 25 epochs: about as many steps on a fifth of the words",
    data__train=1_000,
    fit__epochs=25,
)
french = {
    "data": TextPairs(
        "data/french_numbers.tsv",
        columns=("french", "english"),
        split=Split(test=0.02),
        train=500,
        source_tokens="words",
        target_tokens="words",
        validation=0.01,
    ),
    "model__attention": "none",
    "model__width": 48,
    "fit": OneCycle(epochs=48, batch=32, lr=1e-2, clip=1.0),
}
numbers = Cell(
    "numbers",
    arms=[Full, Linear, LinearPerSequence, Course, Never],
    about="French to English number words, without attention: 500 numbers, 48 epochs",
    **french,
)


def exploring(name: str, of: Cell, arms: list[type[Learner]], about: str, **changes) -> Cell:
    """A condition that is looked at with three seeds and the rates chosen for ``of``, and proves nothing."""
    return Cell(name, arms=arms, seeds=3, exploratory=True, choice=of.name, about=about, **{**of.changes, **changes})


schedules = [Full, Linear, Exponential, InverseSigmoid, LinearPerStep, LinearPerSequence]
cells = [
    sounds,
    fewer,
    numbers,
    exploring("sounds/schedules", sounds, schedules, "every curve, and what the coin is thrown for"),
    exploring("numbers/schedules", numbers, schedules, "every curve, and what the coin is thrown for"),
    exploring("sounds/3 times", sounds, [Full, Linear], "15 epochs on the same words", fit__epochs=15),
    exploring("numbers/a third", numbers, [Full, Linear, Never], "16 epochs", fit__epochs=16),
    exploring("numbers/twice", numbers, [Full, Linear], "96 epochs", fit__epochs=96),
]

large = {"model__width": 512, "model__layers": 2, "model__dropout": 0.25}
all_words = Cell(
    "sounds/all words",
    seeds=3,
    exploratory=True,
    about="every word of the dictionary but the test's, a network of the usual size",
    data=TextPairs("data/cmudict.tsv", split=Split(test=0.05), validation=0.05),
    fit=OneCycle(epochs=12, batch=256, lr=1e-3, clip=1.0),
    **large,
)
sentences = Cell(
    "sentences",
    arms=[Full, Linear, Course, Never],
    seeds=3,
    exploratory=True,
    about="French to English sentences without attention, by the lesson's sizes: batches of 125, 12 epochs",
    data=TextPairs(
        "data/tatoeba_fra.tsv", columns=("french", "english"), longest=30, split=Split(test=0.05), validation=0.05
    ),
    fit=OneCycle(epochs=12, batch=125, lr=3e-3, clip=1.0),
    model__attention="none",
    **{**large, "model__width": 256},
)

claims = [
    Claim.differs(
        Linear,
        Full,
        by=0.005,
        cell="sounds",
        name="T1",
        why="Bengio et al. 2015 found it better, Mihaylova & Martins 2019 level; the prototype +2 points, twice",
    ),
    Claim.differs(
        Linear,
        Full,
        cell="numbers",
        name="T2",
        why="the same question on the second task; the prototype went either way, by seed and rate",
    ),
    Claim.differs(
        Linear,
        Full,
        by=0.005,
        cell="sounds/fewer",
        name="T3",
        why="the prototype's sign turned where a few words are seen often: -2.7 points on one seed",
    ),
    Claim.higher(
        Never,
        Full,
        by=0.005,
        cell="sounds",
        name="T4",
        why="Bengio et al. 2015, MSCOCO: always sampling has BLEU-4 11.2 against 28.8",
    ),
    Claim.differs(
        Never,
        Full,
        cell="numbers",
        name="T5",
        why="the same on the second task, where the prototype had it better at one rate and worse at another",
    ),
    Claim.lower(
        Course,
        Never,
        cell="numbers",
        name="T6",
        why="the lesson's own comparison, which starts from never: 3.49 against 3.58 nats, one run each",
    ),
    Claim.differs(
        LinearPerSequence,
        Linear,
        cell="numbers",
        name="T7",
        why="Bengio et al. 2015 say that a coin a sequence is much worse; the prototype says level",
    ),
    Claim.higher(
        Linear,
        Full,
        measure="forced/error",
        cell="numbers",
        name="T8",
        why="the price at the next step: 15.0 to 34.6 % frame error on TIMIT where Bengio et al. 2015 never forced",
    ),
]

experiment = Experiment(
    baseline=Full,
    arms=[Linear, Exponential, InverseSigmoid, LinearPerStep, LinearPerSequence, Course, Never],
    seeds=10,
    first_seed=100,
    cells=[*cells, all_words, sentences],
    claims=claims,
    choose=Choice(field="fit__lr", values=[5e-3, 1e-2, 2e-2]),
    tiers={
        "smoke": Tier(
            cells=[sounds], arms=[Full, Linear], seeds=1, changes={"fit__epochs": 2}, choosing=False, minutes=0.3
        ),
        "default": Tier(cells=[sounds], seeds=3, minutes=2),
        "full": Tier(cells=cells, minutes=20),
        "gpu": Tier(cells=[all_words, sentences], choosing=False, minutes=120),
    },
)
