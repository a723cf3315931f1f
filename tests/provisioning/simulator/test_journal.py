"""Files of lines stay small, and no line is torn."""

from __future__ import annotations

import json
import threading

from provisioning.simulator.journal import Journal, Record


def test_lines_are_kept_in_order(tmp_path):
    journal = Journal(tmp_path / "new" / "console.log", 1000)

    journal.write("one")
    journal.write("two")

    assert journal.path.read_text() == "one\ntwo\n"


def test_it_never_grows_beyond_twice_its_size_and_keeps_the_newest(tmp_path):
    journal = Journal(tmp_path / "console.log", 1000)

    for number in range(2000):
        journal.write(f"line {number:04}")

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["console.log", "console.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * 1000 + 10
    kept = ((tmp_path / "console.log.1").read_text() + journal.path.read_text()).splitlines()
    assert kept == [f"line {number:04}" for number in range(2000 - len(kept), 2000)]


def test_lines_of_many_threads_stay_whole(tmp_path):
    journal = Journal(tmp_path / "bmc.log", 100_000_000)
    line = "x" * 20_000

    threads = [threading.Thread(target=lambda: [journal.write(line) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert journal.path.read_text().splitlines() == [line] * 160


def numbers(journal):
    return [json.loads(line)["seq"] for line in journal.path.read_text().splitlines()]


def test_lines_of_two_journals_have_one_order_and_a_restart_goes_on(tmp_path):
    one, two = Journal(tmp_path / "one.log", 1000), Journal(tmp_path / "two.log", 1000)
    record = Record(one, two)

    for journal in (one, two, two, one):
        record.write(journal, {"what": "done"})
    Record(one, two).write(two, {"what": "after a restart"})

    assert (numbers(one), numbers(two)) == ([1, 4], [2, 3, 5])


def test_what_is_no_record_is_not_counted_on(tmp_path):
    journal = Journal(tmp_path / "one.log", 1000)
    journal.write("half a li")

    Record(journal).write(journal, {})

    assert journal.path.read_text().splitlines()[1] == '{"seq": 1}'
