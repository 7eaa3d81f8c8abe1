"""What is tried again, and that it is said."""

from __future__ import annotations

from prefect.client.schemas.objects import TaskRun
from prefect.states import Completed, Failed

from tasks.options import transient
from tasks.translation import translate
from xltpipe import progress
from xltpipe.errors import RecipeError, TransientError

RUN = TaskRun(name="translate eng→spa part-0", task_key="translate", dynamic_key="0")


def test_a_busy_server_is_asked_again_and_it_is_said() -> None:
    progress.notes.clear()
    assert transient(translate, RUN, Failed(data=TransientError("Server must answer, was: busy")))
    (note,) = progress.notes
    assert note == "tried again: translate eng→spa part-0, after: Server must answer, was: busy"


def test_a_wrong_recipe_stays_wrong() -> None:
    progress.notes.clear()
    assert not transient(translate, RUN, Failed(data=RecipeError("no")))
    assert not transient(translate, RUN, Failed(data=ValueError("no")))
    assert not transient(translate, RUN, Completed(data=None))
    assert progress.notes == []
