"""The store and the folder: what is kept, and what a killed server left behind."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from riffkit.audio.encoding import Storage
from riffkit.errors import OutputError
from riffkit.music.outputs import write_clip
from riffkit.music.riff import Riff
from riffkit.server.events import Events
from riffkit.server.facts import row_of
from riffkit.server.folder import OWNER, Folder, clip_stems, hashed_id, id_of
from riffkit.server.store import ClipRow, ClipSearch, JobRow, Store, UploadRow, new_id


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    folder.open()
    yield folder
    folder.close()


@pytest.fixture
def store(folder: Folder) -> Iterator[Store]:
    store = Store(folder.database)
    yield store
    store.close()


def job(**values: object) -> JobRow:
    given: dict[str, object] = {"id": new_id(), "task": "generate", "title": "piano"}
    return JobRow(**{**given, "request": {"seed": 1}, "inputs": {}, "model": "mini", **values})  # type: ignore[arg-type]


def clip(**values: object) -> ClipRow:
    name = new_id()
    given: dict[str, object] = {
        "id": name,
        "stem": f"piano-{name}",
        "title": "lo-fi piano",
        "prompt": "lo-fi piano, rainy",
        "task": "generate",
        "job": None,
        "index": 0,
        "seconds": 4.0,
        "sample_rate": 44_100,
        "bpm": 120.0,
        "beats": 8,
        "beats_per_bar": 4,
        "bars": 2,
        "key": "A minor",
        "loop": True,
        "seed": 3,
        "model": "mini",
        "width": 512,
        "height": 512,
        "size": 1_000,
        "notes": ("a note",),
        "stems": ("bass", "piano"),
    }
    return ClipRow(**{**given, **values})  # type: ignore[arg-type]


def test_rows_come_back_as_they_were(store: Store) -> None:
    one, two = job(notes=("slow",), request={"bars": 2, "prompts": ["ä", "🎵"]}), clip(kept=True)
    sent = UploadRow(new_id(), "song.wav", "audio", ".wav", 9, seconds=1.5, sample_rate=8_000)
    store.add_job(one)
    store.add_clip(two)
    store.add_upload(sent)
    assert store.job(one.id) == one
    assert store.clip(two.id) == two
    assert store.upload(sent.id) == sent
    assert store.job("nothing") is store.clip("nothing") is store.upload("nothing") is None


def test_jobs_run_in_the_order_that_they_came(store: Store) -> None:
    rows = [job(title=str(n)) for n in range(3)]
    for row in rows:
        store.add_job(row)
    assert [store.position(row.id) for row in rows] == [0, 1, 2]
    assert store.start_job(rows[0].id)
    assert not store.start_job(rows[0].id)
    assert [store.position(row.id) for row in rows] == [None, 0, 1]
    store.requeue(rows[0].id)
    found = store.next_job()
    assert found is not None
    assert (found.id, found.attempts) == (rows[0].id, 1)
    assert store.end_job(rows[1].id, "cancelled")
    assert not store.end_job(rows[1].id, "done")
    assert [row.title for row in store.jobs(state="queued")] == ["2", "0"]


def test_events_rise_and_passing_ones_go_with_their_job(store: Store) -> None:
    first, second = job(), job()
    for row in (first, second):
        store.add_job(row)
        store.start_job(row.id)
        store.progress(row.id, 0, 1, 4)
        store.add_event(row.id, "preview", {"clip": 0, "image": "data:"})
    store.end_job(first.id, "done", notes=["a note"])
    names = [event.name for event in store.events(0, job=first.id)]
    assert names == ["queued", "started", "done"]
    assert store.events(0, job=first.id)[-1].data == {"job": first.id, "notes": ["a note"]}
    assert [event.name for event in store.events(0, job=second.id)][-1] == "preview"
    ids = [event.id for event in store.events(0)]
    assert ids == sorted(set(ids))
    assert store.last_event() == ids[-1]
    assert [event.id for event in store.events(ids[1], limit=2)] == ids[2:4]


def test_ids_of_events_are_never_used_twice(folder: Folder, store: Store) -> None:
    row = job()
    store.add_job(row)
    store.progress(row.id, 0, 1, 4)
    last = store.last_event()
    store.end_job(row.id, "cancelled")
    store.close()
    again = Store(folder.database)
    again.add_event(None, "removed", {"clip": "x"})
    assert again.last_event() == last + 2
    again.close()


def test_clips_are_found_by_words_tempo_and_key(store: Store) -> None:
    rows = [
        clip(title="lo-fi piano", bpm=80.0, key="A minor"),
        clip(title="50% techno_set", prompt="techno", bpm=130.0, key="D minor", task="loop"),
        clip(title="quiet piano", prompt="felt", bpm=None, key=None, kept=True),
    ]
    for row in rows:
        store.add_clip(row)

    def found(**asked: object) -> list[str]:
        return [row.title for row in store.clips(ClipSearch(**asked))]  # type: ignore[arg-type]

    assert found() == ["quiet piano", "50% techno_set", "lo-fi piano"]
    assert found(words="PIANO lo") == ["lo-fi piano"]
    assert found(words="0% o_s") == ["50% techno_set"]
    assert found(words="%") == ["50% techno_set"]
    assert found(bpm_from=75.0, bpm_to=100.0) == ["lo-fi piano"]
    assert found(key="d MINOR") == ["50% techno_set"]
    assert found(kept=True) == ["quiet piano"]
    assert found(task="loop") == ["50% techno_set"]
    assert found(before=rows[2].id) == ["50% techno_set", "lo-fi piano"]
    store.set_clip(rows[0].id, kept=True, title="first")
    assert found(kept=True) == ["quiet piano", "first"]
    store.add_clip(rows[0])  # made once more
    assert found(kept=True) == ["quiet piano", "first"]


def write(folder: Folder, riff: Riff, name: str, **values: object) -> ClipRow:
    made = riff.run("generate", prompt="house", steps=2, quality="preview", seed=3, **values)[0]
    target = folder.target(f"house-{name}")
    with_stems = write_clip(made, target, Storage())
    return row_of(
        target,
        made.recipe,
        made.image,
        id=name,
        title="house",
        seconds=made.seconds,
        sample_rate=made.sample_rate,
        loop=made.loop,
        stems=tuple(made.stems) if with_stems else (),
    )


def test_a_library_is_rebuilt_from_its_files(
    folder: Folder, store: Store, golden_riff: Riff
) -> None:
    """What the store says of a clip is in the clip's files."""
    loop = write(folder, golden_riff, hashed_id("loop"), loop=True, bars=1)
    band = write(folder, golden_riff, hashed_id("band"), bars=1, stems=True)
    assert band.stems
    folder.recover(store)
    for row in (loop, band):
        found = store.clip(row.id)
        assert found is not None
        assert {**vars(found), "created": row.created} == vars(row)


def test_what_a_killed_server_left_is_put_in_order(
    folder: Folder, store: Store, golden_riff: Riff
) -> None:
    whole = write(folder, golden_riff, hashed_id("whole"), bars=1)
    store.add_clip(whole)
    gone = clip()
    store.add_clip(gone)
    sent = UploadRow(new_id(), "song.wav", "audio", ".wav", 9)
    store.add_upload(sent)
    sound = folder.clip_file(whole, ".wav")
    half = folder.clips / f"half-{hashed_id('half')}.wav"  # its image was never renamed
    shutil.copy(sound, half)
    left = folder.clips / f".riffkit-{OWNER}-0123456789abcdef.png"
    left.write_bytes(b"half")
    other = folder.clips / ".riffkit-0123456789abcdef.wav"  # `riff generate` writes there now
    other.write_bytes(b"half")
    foreign = folder.clips / "my-song.wav"
    foreign.write_bytes(b"RIFF")
    (folder.clips / "my-song.png").write_bytes(b"PNG")
    folder.recover(store)
    assert [row.id for row in store.all_clips()] == [whole.id]
    assert store.uploads() == []
    assert not left.exists()
    assert other.exists()
    assert foreign.exists()


def test_clips_of_the_command_line_are_taken_in(
    folder: Folder, store: Store, golden_riff: Riff
) -> None:
    row = write(folder, golden_riff, hashed_id("x"), bars=1)
    for suffix in (".wav", ".png"):
        folder.clip_file(row, suffix).rename(folder.clips / f"my-loop{suffix}")
    folder.recover(store)
    (found,) = store.all_clips()
    assert (found.stem, found.id) == ("my-loop", id_of("my-loop"))
    folder.recover(store)
    assert len(store.all_clips()) == 1


def test_a_removed_clip_leaves_nothing(folder: Folder, store: Store, golden_riff: Riff) -> None:
    row = write(folder, golden_riff, hashed_id("band"), bars=1, stems=True)
    folder.derived(row, "flac", ".flac").write_bytes(b"x")
    assert len(folder.stem_files(row)) == len(row.stems) > 0
    folder.remove_clip(row)
    assert list(folder.data.rglob(f"*{row.id}*")) == []


def test_one_server_uses_a_folder(folder: Folder) -> None:
    with pytest.raises(OutputError, match="another server uses this folder"):
        Folder(folder.data).open()


def test_room_is_checked_before_work_begins(folder: Folder) -> None:
    folder.check_room(1)
    with pytest.raises(OutputError, match="the disk is full"):
        folder.check_room(1 << 60)


def test_a_full_disk_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that fails is rolled back, and the next one works."""
    row = job()
    store.add_job(row)

    def full(*of: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as during:
        during.setattr(store, "_add_event", full)
        with pytest.raises(sqlite3.OperationalError):
            store.start_job(row.id)
    found = store.job(row.id)
    assert found is not None
    assert found.state == "queued"
    assert store.start_job(row.id)


def test_readers_that_come_and_go_leave_no_files_open(store: Store) -> None:
    """Each request may be read by a thread of its own, which ends."""
    store.add_job(job())
    before = psutil.Process().num_fds()
    for _ in range(5):
        threads = [threading.Thread(target=store.jobs) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert psutil.Process().num_fds() - before <= 3 * 8


@pytest.mark.parametrize(
    ("kind", "said"), [("other", "another version of riffkit"), ("text", "not a database")]
)
def test_a_database_that_cannot_be_used_is_told(folder: Folder, kind: str, said: str) -> None:
    if kind == "text":
        folder.database.write_bytes(b"hello, " * 1_000)
    else:
        with closing(sqlite3.connect(folder.database)) as other:
            other.execute("create table jobs (seq integer, id text, colour text)")
    with pytest.raises(OutputError, match=f"{said}.*choose another folder"):
        Store(folder.database)


def copy(folder: Folder, row: ClipRow, stem: str) -> None:
    for suffix in (".wav", ".png"):
        shutil.copy(folder.clip_file(row, suffix), folder.clips / f"{stem}{suffix}")


def test_a_clip_whose_row_was_not_written_is_its_jobs(
    folder: Folder, store: Store, golden_riff: Riff
) -> None:
    row = job(title="my house", count=2)
    store.add_job(row)
    store.start_job(row.id)
    made = write(folder, golden_riff, hashed_id("x"), bars=1)
    copy(folder, made, clip_stems(row)[1])
    folder.recover(store)
    (found,) = store.clips_of(row.id)
    assert (found.id, found.index, found.title) == (hashed_id(row.id, 1), 1, "my house")
    assert store.events(0, job=row.id)[-1].data["clip"]["id"] == found.id
    going_on = store.job(row.id)
    assert going_on is not None
    assert going_on.made == (1,)
    store.remove_clip(found)  # by the user, while the job runs
    folder.remove_deleted(store)
    again = store.job(row.id)
    assert again is not None
    assert again.made == (1,)  # it isn't painted again


def test_no_file_takes_the_id_of_another_clip(
    folder: Folder, store: Store, golden_riff: Riff
) -> None:
    row = write(folder, golden_riff, hashed_id("x"), bars=1)
    store.add_clip(row)
    names = ["a-instrumental", "b-instrumental", f"best-of-{row.id}"]
    for name in names:
        copy(folder, row, name)
    folder.recover(store)
    assert {clip.stem: clip.id for clip in store.all_clips()} == {
        row.stem: row.id,
        **{name: hashed_id(name) for name in names},
    }


def test_a_clip_that_is_in_use_is_removed_later(
    folder: Folder, store: Store, golden_riff: Riff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a file that is being sent can't be removed; and a server may be killed."""
    row = write(folder, golden_riff, hashed_id("x"), bars=1)
    store.add_clip(row)

    def in_use(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError("the file is used by another process")

    with monkeypatch.context() as during:
        during.setattr(Path, "unlink", in_use)
        store.remove_clip(row)
        folder.remove_deleted(store)
    assert folder.clip_file(row, ".png").exists()
    assert store.all_clips() == []
    folder.recover(store)
    assert store.all_clips() == []
    assert list(folder.clips.glob(f"*{row.id}*")) == []
    assert store.removed() == []


def test_only_the_last_progress_and_preview_are_kept(store: Store) -> None:
    row = job()
    store.add_job(row)
    for step in range(1, 30):
        store.progress(row.id, 0, step, 30)
        store.preview(row.id, 0, f"data:{step}")
    kept = [(event.name, event.data) for event in store.events(0, job=row.id)[1:]]
    assert [name for name, _ in kept] == ["progress", "preview"]
    assert kept[0][1]["step"] == 29
    assert kept[1][1]["image"] == "data:29"


def test_an_id_of_another_database_hears_what_comes(store: Store) -> None:
    """The page was open while the server was started on another folder."""

    async def hear() -> bytes:
        events = Events(store)
        events.begin()
        stream = events.stream(1_000)
        heard = await anext(stream)
        store.add_event(None, "removed", {"clip": "x"})
        async with asyncio.timeout(2):
            heard += await anext(stream)
        events.close()
        await stream.aclose()
        return heard

    assert b"event: removed" in asyncio.run(hear())


def test_a_clip_can_be_deleted_on_a_full_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the reserve is given up; the clip's files make room."""
    row = clip()
    store.add_clip(row)
    insert, faults = store._insert, [sqlite3.OperationalError("database or disk is full")]

    def full(removed: object) -> None:
        if faults:
            raise faults.pop()
        insert(removed)

    monkeypatch.setattr(store, "_insert", full)
    store.remove_clip(row)
    assert (store.all_clips(), [one.stem for one in store.removed()]) == ([], [row.stem])
