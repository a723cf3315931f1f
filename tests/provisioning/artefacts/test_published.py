"""A finished artefact is whole and described; the same inputs are not built again."""

from __future__ import annotations

import hashlib
import json

import pytest

from provisioning.artefacts import published


@pytest.fixture
def place(tmp_path):
    """Gives (unfinished file, artefact, description)."""
    part = tmp_path / "x.part"
    part.write_bytes(b"content")
    return part, tmp_path / "x.iso", tmp_path / "x.iso.json"


def test_an_artefact_gets_its_name_and_its_description(place):
    part, artefact, description = place

    published.publish(part, artefact, description, {"inputs": "abc", "more": 1})

    assert artefact.read_bytes() == b"content"
    assert json.loads(description.read_text()) == {
        "inputs": "abc",
        "more": 1,
        "size_bytes": 7,
        "sha256": hashlib.sha256(b"content").hexdigest(),
    }
    assert sorted(path.name for path in artefact.parent.iterdir()) == ["x.iso", "x.iso.json"]
    assert published.is_current(artefact, description, "abc")


def test_other_inputs_and_damage_are_noticed(place):
    part, artefact, description = place
    published.publish(part, artefact, description, {"inputs": "abc"})

    assert not published.is_current(artefact, description, "abd")
    artefact.write_bytes(b"damaged")
    assert not published.is_current(artefact, description, "abc")
    artefact.unlink()
    assert not published.is_current(artefact, description, "abc")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": "abc"}'])
def test_a_description_that_makes_no_sense_is_none(place, text):
    part, artefact, description = place
    part.rename(artefact)
    description.write_text(text)

    assert not published.is_current(artefact, description, "abc")


def test_an_old_description_never_stands_beside_a_new_artefact(place, monkeypatch):
    part, artefact, description = place
    description.write_text("{}")

    with pytest.raises(TypeError):
        published.publish(part, artefact, description, {"inputs": object()})

    assert not (artefact.exists() and description.exists())


def test_inputs_are_the_files_their_names_and_the_options(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a").write_text("1")
    digests = [published.digest_of_inputs([folder], {})]
    (folder / "a").chmod(0o755)
    digests.append(published.digest_of_inputs([folder], {}))
    (folder / "a").write_text("2")
    digests.append(published.digest_of_inputs([folder], {}))
    (folder / "a").rename(folder / "b")
    digests.append(published.digest_of_inputs([folder], {}))
    digests.append(published.digest_of_inputs([folder], {"mirror": "x"}))

    assert len(set(digests)) == 5
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "c.pyc").touch()
    assert published.digest_of_inputs([folder], {"mirror": "x"}) == digests[-1]
