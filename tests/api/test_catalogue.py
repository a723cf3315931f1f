"""What can be had."""

from tests import factories
from tests.api.client import assert_problem


def test_regions_come_with_their_fabrics_by_name(api):
    factories.fabric("C")
    factories.fabric("B")
    factories.region("us-east-1")

    assert api.get("/regions").json() == {
        "data": [
            {
                "id": "eu-north-1",
                "name": "eu-north-1",
                "fabrics": [{"name": name, "technology": "NDR 400G"} for name in "ABC"],
            },
            {"id": "us-east-1", "name": "us-east-1", "fabrics": []},
        ],
        "next_cursor": None,
    }


def test_server_types_come_with_the_prices_in_the_own_currency_and_the_lowest_of_them(api):
    factories.price(in_region=factories.region("us-east-1"), rate="2.375")
    factories.price(rate="1.00", currency="EUR")

    assert api.get("/server-types").json() == {
        "data": [
            {
                "id": "h100x8",
                "name": "8 x H100",
                "gpu_model": "NVIDIA H100 80GB HBM3",
                "gpu_count": 8,
                "gpu_memory_gb": 80,
                "cpu": "2 x Xeon 8480C",
                "memory_gb": 2048,
                "storage": "8 x 3.84 TB NVMe",
                "interconnect": "8 x NDR 400G",
                "list_price_per_gpu_hour": {"amount": "2.375", "currency": "USD"},
                "prices": [
                    {"region": "eu-north-1", "per_gpu_hour": {"amount": "2.50", "currency": "USD"}},
                    {"region": "us-east-1", "per_gpu_hour": {"amount": "2.375", "currency": "USD"}},
                ],
            }
        ],
        "next_cursor": None,
    }


def test_a_type_that_is_not_sold_has_no_price(api):
    factories.server_type("b200x8")

    found = {row["id"]: row for row in api.get("/server-types").json()["data"]}

    assert found["b200x8"]["list_price_per_gpu_hour"] is None
    assert found["b200x8"]["prices"] == []


def test_only_published_images_are_listed(api):
    factories.image(is_published=False)
    image = factories.OSImage.objects.get(slug="ubuntu-24-04")

    assert api.get("/images").json() == {
        "data": [
            {
                "id": image.public_id,
                "slug": "ubuntu-24-04",
                "name": "Ubuntu 24.04",
                "version": "24.04",
                "default_user": "ubuntu",
                "size_bytes": 1024,
                "sha256": "0" * 64,
                "encoding": "none",
                "disk_bytes": 1024,
                "disk_sha256": "0" * 64,
                "signed_by": None,
                "project": None,
            }
        ],
        "next_cursor": None,
    }


def test_an_unpublished_image_cannot_be_reserved_with(api, buyer):
    from_before = factories.image(is_published=False)

    reply = api.post("/reservations", {"image": from_before.slug})

    assert assert_problem(reply, 422, "invalid_input")["/image"] == "unknown"
