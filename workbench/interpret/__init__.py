"""What it learnt: a trained network opened up, as tables, figures and files."""
