"""Functions that are verbs, by where they lie, and what `xltpipe --help` says of them.

Their modules are imported when the verb is used, so their docstrings are not there to be asked.
"""

from __future__ import annotations

FUNCTIONS = {
    "xltpipe.cli.report:report": """\
Write a run's report: one HTML file that needs nothing from outside.

Shows the funnel, reasons, scores with their limits, labels and their drift, results, times,
licences, and a sample of kept, rejected and quarantined rows to search and page through. Needs
pip install "xltpipe[report]".""",
    "xltpipe.cli.corpus_tools:diff": """\
Set two runs side by side: rows gained, lost and changed, verdicts turned, spans moved.

A row is the same in both runs if it has the same language, split and id.""",
    "xltpipe.cli.corpus_tools:sample": """\
Show some rows of a run, source and target with coloured spans, and why one was rejected.""",
    "xltpipe.cli.corpus_tools:export": """\
Write rows of a run to a file: to learn from, in the shape it was read in, or to review.

A file to learn from holds one language and one split. `label-studio` writes tasks with the labels
as they are, and beside them the labelling interface; what people correct there comes back with
`xltpipe import-review`.""",
    "xltpipe.cli.corpus_tools:import_review": """\
Bring reviewed rows back from Label Studio as a new run, whose parent is the reviewed one.

Everything is checked before anything is written; rows that are not in the file stay as they were.
Kept rows are published as a corpus, and `xltpipe diff` shows what the review changed.""",
    "xltpipe.cli.push:push": """\
Push a run's corpus with its card to the Hugging Face hub, or copy it to a folder.""",
    "xltpipe.cli.serving:serve": """\
Serve the deployments of prefect.yaml from this process until Ctrl-C.""",
    "xltpipe.cli.serving:deploy": """\
Hand the deployments of prefect.yaml to their work pools, which are made where missing.""",
    "xltpipe.cli.serving:watch": """\
Run recipes whenever their data, or they themselves, have a new revision, until Ctrl-C.

Only what is new is worked on: blocks of rows that were there before are on the shelf.""",
}
