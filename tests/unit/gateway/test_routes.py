"""Paths find their methods, and rules that cannot be served keep the gateway from starting."""

from __future__ import annotations

import pytest

from gateway.errors import json_path
from gateway.routes import RouteError, Rule, Tree, rules
from services.chassis import protos


@pytest.fixture(scope="module")
def tree() -> Tree:
    made = Tree()
    for rule in rules(protos.services()):
        made.add(rule, rule)
    return made


@pytest.mark.parametrize(
    ("method", "path", "rpc"),
    [
        ("POST", "v1/contacts", "CreateContact"),
        ("GET", "v1/contacts", "ListContacts"),
        ("GET", "v1/contacts/a", "GetContact"),
        ("PATCH", "v1/contacts/a", "UpdateContact"),
        ("DELETE", "v1/contacts/a", "DeleteContact"),
        ("POST", "v1/contacts/a:undelete", "UndeleteContact"),
        ("GET", "v1/contacts:batchGet", "BatchGetContacts"),
        ("GET", "v1/contacts/a/changes", "ListContactChanges"),
        ("POST", "v1/leads/a:convert", "ConvertLead"),
        ("GET", "v1/accounts/a/timeline", "ListTimeline"),
        ("GET", "v1/contacts/a/timeline", "ListTimeline"),
    ],
)
def test_a_path_finds_its_method(tree: Tree, method: str, path: str, rpc: str) -> None:
    found = tree.find(path.split("/"))
    assert found is not None
    assert found[0][method].method.name == rpc


@pytest.mark.parametrize(
    "path", ["", "v1", "v1/contacts/", "v1/contacts/a/b", "v1/contacts/a:nothing", "v1//a", "V1/contacts"]
)
def test_other_paths_find_nothing(tree: Tree, path: str) -> None:
    assert tree.find(path.split("/")) is None


def test_every_method_that_is_not_internal_can_be_called_over_rest() -> None:
    served = {rule.method.full_name for rule in rules(protos.services())}
    every = {method.full_name for service in protos.services() for method in service.methods}
    assert {name.rsplit(".", 2)[1] for name in every - served} <= {"PlatformService"}


def test_a_path_that_is_taken_is_refused(tree: Tree) -> None:
    rule: Rule = next(rules(protos.services()))
    with pytest.raises(RouteError, match="twice"):
        tree.add(rule, rule)


@pytest.mark.parametrize(
    ("path", "prefix", "shown"),
    [
        ("contact.given_name", "contact", "givenName"),
        ("contact.email_addresses[0].value", "contact", "emailAddresses[0].value"),
        ("page_size", "", "pageSize"),
        ("contacts.x", "contact", "contacts.x"),
        ("requests[3].contact.given_name", "", "requests[3].contact.givenName"),
    ],
)
def test_proto_paths_become_the_clients(path: str, prefix: str, shown: str) -> None:
    assert json_path(path, prefix) == shown
