"""Review: look at the rows of a run, set two runs side by side, hand rows out and take them back.

Nothing here judges; what a person decides comes back as a run of its own, with its parent named.
"""
