"""workbench: change one thing in a training run, and know whether it really helped."""
