"""Inputs from a stranger, a broken disk or a typing mistake.

A normal run of the suite tries the same few hundred cases each time, so that it never fails by chance.
`SNNTRAIN_FUZZ=<number>` multiplies the number of cases and draws new ones at each run, for long sessions:

    SNNTRAIN_FUZZ=50 pytest tests/hostile

Its last lines show how many cases were tried.
"""
