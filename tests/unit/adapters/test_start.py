"""What a worker that starts reads: the authorities not before they are needed, and no SDK that nobody uses."""

import json
import os
import subprocess
import sys

from infra.local.stack.certificates import Certificates
from infra.local.stack.child import ROOT

_PROGRAM = """
import json, ssl, sys
from shared.bootstrap import app
app()
import aiohttp.connector
from shared.adapters.network.tls import tls_context
print(json.dumps({
    "aiohttps": aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509_ca"],
    "ours": tls_context().cert_store_stats()["x509_ca"],
    "of_others": ssl.create_default_context().cert_store_stats()["x509_ca"],
    "imported": sorted(sys.modules),
}))
"""
_SETTINGS = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://vault.example"}
_LATER = ("msgraph", "kiota_http", "httpx", "azure.identity", "azure.keyvault", "azure.storage.queue", "msal", "jwt")


def test_a_worker_that_starts_reads_little(tls: Certificates) -> None:
    """No authorities are read by aiohttp; they are by us when we connect, and by whoever makes a context afterwards."""
    environment = {**os.environ, **_SETTINGS, "SSL_CERT_FILE": str(tls.ca)}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)  # noqa: S603 - this interpreter
    found = json.loads(done.stdout)
    assert found["aiohttps"] == 0
    assert found["ours"] == found["of_others"] == 1
    assert not {name for name in found["imported"] if name.startswith(_LATER)}
