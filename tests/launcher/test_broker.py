"""The broker: messages go through it, and it keeps them over a kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from portal.launcher.broker import Broker


@pytest.fixture
def broker(open_folder: Path) -> Iterator[Broker]:
    made = Broker(open_folder / "data", open_folder / "broker.sock", open_folder / "log")
    yield made
    made.stop()


def put(broker: Broker, text: str) -> None:
    with Connection(broker.url()) as connection:
        queue = connection.SimpleQueue("wake")
        queue.put(text)
        queue.close()


def take(broker: Broker) -> object:
    with Connection(broker.url()) as connection:
        queue = connection.SimpleQueue("wake")
        message = queue.get(timeout=60)
        message.ack()
        queue.close()
    return message.payload


def test_a_message_goes_through(broker: Broker) -> None:
    broker.start()
    put(broker, "op_1")
    assert take(broker) == "op_1"
    assert broker.socket.stat().st_mode & 0o077 == 0


def test_messages_survive_kill_9(broker: Broker) -> None:
    broker.start()
    put(broker, "op_2")
    assert broker.process is not None
    broker.process.kill()
    broker.process.wait()
    broker.start()
    assert take(broker) == "op_2"
