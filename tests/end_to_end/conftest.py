"""One running product for all end-to-end tests that do not need one of their own.

What takes long because it waits (a later start, time limits of broken machines) begins with the product and is looked
at by its tests when it is over. The product ends with the last of them: it is busy also when nobody asks it for
anything, and other tests would wait for it.
"""

import pytest

from tests.end_to_end import client
from tests.end_to_end.scenarios import begin_later_start, begin_troubled_release, begin_troubled_start
from tests.end_to_end.stack import running

BACKGROUND = {"troubled_start", "troubled_release", "later_start"}


@pytest.fixture(scope="package")
def product():
    with running("--fast") as started:
        yield started


@pytest.fixture(scope="package")
def key_pair():
    return client.key_pair()


@pytest.fixture(scope="package")
def keys(product, key_pair):
    return [client.add_key(product, key_pair[1])]


@pytest.fixture(scope="package")
def troubled_start(product, keys):
    return begin_troubled_start(product, keys)


@pytest.fixture(scope="package")
def troubled_release(product, keys):
    return begin_troubled_release(product, keys)


@pytest.fixture(scope="package")
def later_start(product, keys):
    return begin_later_start(product, keys)


@pytest.fixture(scope="package")
def stack(request, product):
    wanted = {name for item in request.session.items for name in item.fixturenames}
    for name in sorted(wanted & BACKGROUND):
        request.getfixturevalue(name)
    return product
