"""The worker's work, within the test's process."""

from __future__ import annotations

from multiprocessing import Pipe

from riffkit.music.riff import Riff
from riffkit.server.folder import clip_ids
from riffkit.server.store import ClipRow, JobRow, new_id
from riffkit.server.worker import Ended, Made, Worker
from tests.server.conftest import FAST, Library


def test_a_clip_that_is_made_is_not_written_again(
    library: Library, trio: ClipRow, golden_riff: Riff
) -> None:
    """One call makes both; the first was made before a kill, and deleted since."""
    request = {"count": 2, "distance": 0.4, **FAST}
    inputs = {"clip": f"clip:{trio.id}"}
    row = JobRow(new_id(), "vary", "two more", request, inputs, "golden", count=2, made=(0,))
    job = library.app.state.supervisor._paint(row)
    ours, theirs = Pipe()
    worker = Worker(theirs)
    worker._pipeline, worker._model = golden_riff.pipeline, job.model
    worker.work(job)
    heard = []
    while ours.poll():
        heard.append(ours.recv())
    assert heard[-1] == Ended(row.id, "done", notes=heard[-1].notes)
    (made,) = [message.row for message in heard if isinstance(message, Made)]
    assert (made.id, made.index) == (clip_ids(row)[1], 1)
    assert [target.audio.exists() for target in job.targets] == [False, True]
