"""What a stranger, a broken disk or a slip of the finger can give to the tool.

A normal run of the suite tries the same few hundred cases each time, so that it fails for a reason and not by chance.
`SNNTRAIN_FUZZ=<number>` tries that many times as many, other ones at each run, for long sessions:

    SNNTRAIN_FUZZ=50 pytest tests/hostile

Its last lines tell how many cases were tried.
"""
