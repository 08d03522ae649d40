"""docs/performance/cost.md and the README say what the stored counts, the assumptions and the list prices give."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from infra.azure.defaults import DEFAULTS
from infra.azure.snapshot import FOLDER
from infra.capacity.cost.month import Bill, bill_of
from infra.capacity.cost.options import options
from infra.capacity.cost.page import PAGE, says, sentences, tables
from infra.capacity.figures import RUNS, assumptions, measured, prices
from infra.capacity.generated_section import is_current
from infra.local.functions_host.schedules import Schedule
from infra.local.stack.child import ROOT
from shared.domain.sync.jobs import QUEUES
from shared.triggers import queues
from shared.workflows.sync import plan

AGAIN = "run `python -m infra.capacity.cost`"


@pytest.fixture(scope="module")
def bill() -> Bill:
    """The month's bill."""
    return bill_of(measured(), assumptions(), prices())


def test_the_page_shows_what_the_files_give() -> None:
    """A number that was changed by hand, or not after its source, is found."""
    assert is_current(PAGE, tables(measured(), assumptions(), prices())), AGAIN


def test_other_pages_state_the_same_sums() -> None:
    """The number on the first screen is the page's, rounded."""
    stated = sentences(measured(), assumptions(), prices())
    assert [(page.name, text) for page, text in stated if not says(page, text, write=False)] == [], AGAIN


def test_a_page_without_the_sentence_is_noticed() -> None:
    """Or nothing would be compared."""
    with pytest.raises(ValueError, match="cost nothing"):
        says(PAGE, "these 5 customers cost nothing", write=False)


def test_the_counts_are_of_the_customers_who_are_assumed() -> None:
    """An assumption that counts depend on is changed only together with the counts."""
    assumed, found = assumptions(), measured()
    share = assumed.month.changed_share_per_day
    pairs = (
        (assumed.customer, found.customer),
        (assumed.groups_customer, found.groups_customer),
        (assumed.large_customer, found.large_customer),
    )
    for customer, counts in pairs:
        assert (counts.people, counts.locations) == (customer.people, customer.locations)
        assert (counts.sources, counts.people_at_location) == (customer.groups or 1, customer.people_at_location)
        assert counts.changed_people == round(share * customer.people)
        assert set(counts.runs) == set(RUNS)


def test_the_assumptions_are_those_of_the_app() -> None:
    """What host.json, the triggers and the planner set is what is reckoned with."""
    assumed = assumptions()
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]
    assert host["maxPollingInterval"] == f"00:00:{assumed.queues.polling_interval_s:02.0f}"
    assert host["batchSize"] == assumed.scaling.messages_per_instance
    assert len(queues.bp._function_builders) == len(QUEUES)
    assert timedelta(days=1) / assumed.month.full_runs_per_day == plan._FULL_EVERY
    assert occurrences_a_day("SYNC_SCHEDULE") == assumed.month.runs_per_day
    assert occurrences_a_day("WATCHDOG_SCHEDULE") == assumed.month.watchdogs_per_day


def occurrences_a_day(setting: str) -> int:
    """Return how often a schedule of a deployment starts in a day."""
    schedule, moment = Schedule.parse(DEFAULTS[setting]), datetime(2026, 1, 5, 12, tzinfo=UTC)
    end, number = moment + timedelta(days=1), 0
    while (moment := schedule.after(moment)) <= end:
        number += 1
    return number


def test_the_parameters_of_a_deployment_state_their_prices() -> None:
    """In the descriptions that people read before they switch one on."""
    text = (FOLDER / "main.bicep").read_text(encoding="utf-8")
    priced = [option for option in options(assumptions(), prices()) if option.parameter]
    assert {option.parameter for option in priced} == {"vnetEnabled", "zoneRedundant", "availabilityTest"}
    for option in priced:
        description = re.search(rf"^@description\('(.*)'\)\nparam {option.parameter} ", text, re.MULTILINE)
        assert description is not None
        assert f"about ${option.usd:,.0f} a month" in description[1]


def test_a_price_is_for_what_exceeds_the_grant() -> None:
    """What is free is free, and no more."""
    price = prices().functions_executions
    assert price.of(price.free) == 0
    assert price.of(price.free + price.per) == pytest.approx(price.price)


def test_every_price_says_where_and_when_it_was_seen() -> None:
    """A number without a source is none."""
    for price in prices().all():
        assert price.source.startswith("https://")
        assert price.official.startswith("https://azure.microsoft.com/pricing/")
        assert date(2024, 1, 1) <= price.date <= date(2030, 1, 1)


def test_the_worst_case_is_no_better_than_the_bill(bill: Bill) -> None:
    """Executions that share instances cost at most what they cost alone."""
    assert bill.usd <= bill.most_usd
