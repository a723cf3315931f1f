"""Passwords made at random."""

import re

from portal.core.passwords import random_password


def test_passwords_are_four_groups_without_letters_that_look_alike():
    made = {random_password() for _ in range(200)}

    assert len(made) == 200
    assert all(re.fullmatch(r"[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}", password) for password in made)
