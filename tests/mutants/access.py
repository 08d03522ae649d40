"""Defects of reading, erasure, secrets and access."""

from typing import Final

from tests.mutants.mutant import Mutant

_HTTP: Final = "tests/integration/http"
_SIMULATED: Final = "tests/simulation"
_CONTRACTS: Final = "tests/contracts/ports"

ACCESS: Final = (
    # Reading ----------------------------------------------------------------------------------------------------------
    Mutant(
        "a link to another host is followed",
        "shared/adapters/entra/links.py",
        "        expected.hostname,\n        expected.port or _HTTPS,",
        "        actual.hostname,\n        expected.port or _HTTPS,",
        "tests/unit/adapters/entra/test_links.py::test_other_links_do_not",
    ),
    # Erasure, secrets and access --------------------------------------------------------------------------------------
    Mutant(
        "an erasure forgets the uploads",
        "shared/bootstrap/tenants.py",
        "            ports.imports,\n            ports.recipients,\n",
        "            ports.recipients,\n",
        f"{_HTTP}/test_erasure.py::test_nothing_is_left_of_a_tenant",
    ),
    Mutant(
        "an erasure forgets the snapshots",
        "shared/bootstrap/tenants.py",
        "            ports.snapshots,\n            ports.runs,\n",
        "            ports.runs,\n",
        f"{_HTTP}/test_erasure.py::test_nothing_is_left_of_a_tenant",
    ),
    Mutant(
        "an erasure leaves the secret in the vault",
        "shared/workflows/connections/connect.py",
        "        await self.connections.delete(tenant, version)\n        await self.entries.delete_unused(tenant)\n",
        "        await self.connections.delete(tenant, version)\n",
        "tests/unit/workflows/connections/test_connect.py::test_switching_off_erases_ids_and_secret",
    ),
    Mutant(
        "an erased secret is read from the cache",
        "shared/adapters/key_vault.py",
        "        self._forget(name)  # also versions that were read during the deletion\n",
        "",
        f"{_CONTRACTS}/secret_store/test_key_vault.py::test_what_is_read_before_the_vault_has_erased_it_is_not_kept",
    ),
    Mutant(
        "the role Operator counts from any Azure tenant",
        "shared/domain/access/callers.py",
        "operator_tenant is not None and person.azure_tenant_id == operator_tenant",
        "operator_tenant is not None",
        f"{_HTTP}/test_access.py::test_no_tenant_is_reachable_by_another_ones_admin",
    ),
    Mutant(
        "an admin of one tenant may use another",
        "shared/domain/access/callers.py",
        "return admins is not None and admins.include(caller)",
        "return True",
        f"{_HTTP}/test_access.py::test_no_tenant_is_reachable_by_another_ones_admin",
    ),
    Mutant(
        "a token of an application is a person",
        "shared/adapters/sign_in.py",
        "if not _is_delegated(claims):",
        "if False:",
        f"{_CONTRACTS}/sign_in/test_entra.py::test_a_token_of_an_application_is_not_a_person",
    ),
    Mutant(
        "a token of any issuer is accepted",
        "shared/adapters/sign_in.py",
        'if claims["iss"] not in _issuers(tenant, settings.login, key.issuer):',
        "if False:",
        f"{_CONTRACTS}/sign_in/test_entra.py::test_a_token_for_others_or_of_another_time_is_refused",
    ),
    Mutant(
        "a change is made that the audit log cannot record",
        "shared/triggers/http/framework/recording.py",
        "    begun = await product.audit.begin(asked)\n    trail = request.trail\n    try:\n",
        "    trail = request.trail\n    try:\n        begun = await product.audit.begin(asked)\n    except SyncError:\n"
        "        return await handler(request)\n    try:\n",
        f"{_HTTP}/test_audit.py::test_what_cannot_be_recorded_is_not_done",
    ),
    Mutant(
        "the erasure of a person leaves former values in the journal",
        "shared/domain/erasure/values.py",
        "value = Change(kind=value.kind, reason=value.reason)",
        "value = Change(kind=value.kind, reason=value.reason, before=value.before)",
        f"{_SIMULATED}/test_erase_person.py::test_nothing_is_left_of_the_person",
    ),
    Mutant(
        "a held set without an erased person keeps its digest",
        "shared/adapters/stores/erasure_rows.py",
        "held_digest=digest(people), locations=reports",
        "locations=reports",
        f"{_SIMULATED}/test_erase_person.py::test_a_held_set_is_approved_again",
    ),
    Mutant(
        "a named key that expired is accepted",
        "shared/domain/access/named_keys.py",
        " and now < self.expires_at",
        "",
        "tests/unit/domain/access/test_named_keys.py::test_a_key_opens_with_its_value_until_it_ends",
    ),
    Mutant(
        "a named key opens every tenant",
        "shared/domain/access/callers.py",
        "return self.tenants is None or tenant in self.tenants",
        "return True",
        f"{_HTTP}/test_named_keys.py::test_a_deleted_tenant_is_taken_out_of_its_keys",
    ),
    Mutant(
        "guesses of all callers count together",
        "shared/workflows/connections/validate.py",
        'return f"{allowance_of(self.caller, self.tenant)}>{directory}"',
        "return directory",
        f"{_HTTP}/test_limits_of_callers.py::test_failures_of_one_caller_leave_all_others_their_allowance",
    ),
)
