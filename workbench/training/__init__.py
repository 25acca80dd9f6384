"""HOW IT LEARNS: the Learner and its loop, recipes, callbacks, evaluation and checkpoints."""
