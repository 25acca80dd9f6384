"""WHAT WE CLAIM: experiments, plans, runs on engines, statistics, claims and reports."""
