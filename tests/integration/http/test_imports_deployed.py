"""A large import on real adapters: its queue, its tables, and that nothing of a file stays."""

from hashlib import sha256

from tests.integration.http.deployment import Deployment

LOCATION = "tenants/acme/locations/desk"
FILE = ("name,mail\n" + "".join(f"Canary {number},canary{number}@example.com\n" for number in range(250))).encode()


async def test_a_file_is_imported_and_erased(deployment: Deployment) -> None:
    """Messages carry ids only; of what has ended no row of the file is kept; a deleted location leaves nothing."""
    await deployment("PUT", "tenants/acme", {"name": "Acme"})
    await deployment("PUT", LOCATION, {"name": "Desk"})
    paths = []
    for _ in range(2):
        created = await deployment("POST", f"{LOCATION}/imports")
        path = f"{LOCATION}/imports/{created.body['id']}"
        for number, part in enumerate((FILE[:3_000], FILE[3_000:]), start=1):
            assert (await deployment("PUT", f"{path}/parts/{number}", raw=part)).status == 200
        paths.append(path)
    body = {"parts": 2, "sha256": sha256(FILE).hexdigest()}
    run = (await deployment("POST", f"{paths[0]}/start", body)).body
    await deployment.drain()
    assert (await deployment("GET", f"tenants/acme/runs/{run['id']}")).body["counts"]["created"] == 250
    assert (await deployment("GET", paths[0])).body["state"] == "done"
    assert not any("canary" in text.lower() for text in deployment.said)
    assert {row.split("PartitionKey=")[1].split(" ")[0] for row in deployment.rows()["Uploads"]} == {
        f"acme:desk:{paths[1].rsplit('/', 1)[1]}"
    }
    assert (await deployment("DELETE", LOCATION)).status == 204
    assert {"Uploads", "Imports"} & set(deployment.rows()) == set()
    assert [row.split("RowKey=")[1].split(" ")[0] for row in deployment.rows()["Recipients"]] == ["!fence"]
