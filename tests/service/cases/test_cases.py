"""Cases, their messages and queues over a real database."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kith.cases.v1 import case_service_pb2 as pb
from kith.cases.v1 import message_service_pb2, queue_service_pb2
from kith.cases.v1.case_pb2 import (
    CASE_PRIORITY_MEDIUM,
    CASE_STATUS_CLOSED,
    CASE_STATUS_NEW,
    CASE_STATUS_OPEN,
    CASE_STATUS_RESOLVED,
    CASE_STATUS_WAITING,
    Case,
)
from kith.cases.v1.message_pb2 import (
    MESSAGE_DIRECTION_INBOUND,
    MESSAGE_DIRECTION_NOTE,
    MESSAGE_DIRECTION_OUTBOUND,
    Message,
)
from kith.cases.v1.queue_pb2 import Queue
from kith.identity.v1.tenant_pb2 import Tenant as TenantRecord
from kith.identity.v1.user_pb2 import USER_STATE_DEACTIVATED, User

from services.cases.queues import DEFAULT
from services.cases.worker import HANDLERS
from services.chassis import errors
from services.chassis.resources.changes import Author
from tests.service.world import Tenant

CASES = "kith.cases.v1.CaseService/"
MESSAGES = "kith.cases.v1.MessageService/"
QUEUES = "kith.cases.v1.QueueService/"


def create(tenant: Tenant, **fields: Any) -> Case:
    made: Case = tenant.call(CASES + "CreateCase", pb.CreateCaseRequest(case={"subject": "It hums", **fields}))
    return made


def update(tenant: Tenant, case: Case, **fields: Any) -> Case:
    request = pb.UpdateCaseRequest(case={"name": case.name, **fields}, update_mask={"paths": list(fields)})
    changed: Case = tenant.call(CASES + "UpdateCase", request)
    return changed


def get(tenant: Tenant, case: Case) -> Case:
    found: Case = tenant.call(CASES + "GetCase", pb.GetCaseRequest(name=case.name))
    return found


def message(tenant: Tenant, case: Case, **fields: Any) -> Message:
    request = message_service_pb2.CreateMessageRequest(message={"case": case.name, "body": "Hello", **fields})
    made: Message = tenant.call(MESSAGES + "CreateMessage", request)
    return made


def reply(tenant: Tenant, case: Case, **more: Any) -> pb.ReplyToCaseResponse:
    request = pb.ReplyToCaseRequest(name=case.name, body="We look into it", **more)
    answer: pb.ReplyToCaseResponse = tenant.call(CASES + "ReplyToCase", request)
    return answer


def resolve(tenant: Tenant, case: Case, **more: Any) -> Case:
    solved: Case = tenant.call(CASES + "ResolveCase", pb.ResolveCaseRequest(name=case.name, **more))
    return solved


def queue(tenant: Tenant, **fields: Any) -> Queue:
    request = queue_service_pb2.CreateQueueRequest(queue={"display_name": "Second line", **fields})
    made: Queue = tenant.call(QUEUES + "CreateQueue", request)
    return made


def queues(tenant: Tenant) -> list[Queue]:
    return list(tenant.call(QUEUES + "ListQueues", queue_service_pb2.ListQueuesRequest()).queues)


def test_a_case_gets_a_number_a_queue_and_the_usual_urgency(tenant: Tenant) -> None:
    case = create(tenant)
    assert (case.case_number, case.status, case.priority) == ("C-000001", CASE_STATUS_NEW, CASE_PRIORITY_MEDIUM)
    [support] = queues(tenant)
    assert (case.queue, support.display_name, support.default) == (support.name, "Support", True)
    assert create(tenant).case_number == "C-000002"


def test_a_new_tenant_gets_its_queue(tenant: Tenant) -> None:
    author = Author(tenant.name, "services/identity")
    tenant.world.identity.write(author, lambda tx: tx.create(TenantRecord(display_name="T", slug=f"t{tenant.name}")))
    tenant.deliver("cases", HANDLERS, tenant.changes("identity"))
    [support] = queues(tenant)
    assert support.name == f"queues/{DEFAULT.identifier(tenant.name)}"
    assert create(tenant).queue == support.name


def test_cases_at_once_have_different_numbers_and_one_queue(tenant: Tenant) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: create(tenant), range(24)))
    assert len({case.case_number for case in made}) == 24
    assert len(queues(tenant)) == 1


def test_a_queue_that_is_needed_is_not_deleted(tenant: Tenant) -> None:
    default, other = queue(tenant), queue(tenant)
    case = create(tenant, queue=other.name)
    for name, why in ((default.name, "default"), (other.name, "open cases wait")):
        with pytest.raises(errors.FailedPrecondition, match=why):
            tenant.call(QUEUES + "DeleteQueue", queue_service_pb2.DeleteQueueRequest(name=name))
    resolve(tenant, case)
    gone = tenant.call(QUEUES + "DeleteQueue", queue_service_pb2.DeleteQueueRequest(name=other.name))
    assert gone.HasField("delete_time")
    third = queue(tenant, default=True)
    assert [(found.name, found.default) for found in queues(tenant)] == [(default.name, False), (third.name, True)]


def test_solving_a_case_says_so_on_every_path(tenant: Tenant) -> None:
    case = create(tenant)
    solved = resolve(tenant, case, resolution="Tightened a screw", request_id="r")
    assert (solved.status, solved.resolution) == (CASE_STATUS_RESOLVED, "Tightened a screw")
    assert solved.HasField("resolve_time")
    assert resolve(tenant, case, resolution="Tightened a screw", request_id="r") == solved
    assert resolve(tenant, case) == solved
    closed = update(tenant, case, status=CASE_STATUS_CLOSED)
    assert closed.resolve_time == solved.resolve_time
    opened = update(tenant, case, status=CASE_STATUS_OPEN)
    assert not opened.HasField("resolve_time")
    update(tenant, case, status=CASE_STATUS_RESOLVED)
    assert tenant.verbs(case.name, "cases") == ["created", "resolved", "updated", "updated", "resolved"]


def test_a_case_that_comes_solved_keeps_when_that_was(tenant: Tenant) -> None:
    case = create(tenant, status=CASE_STATUS_CLOSED, resolve_time={"seconds": 1586903635})
    assert case.resolve_time.seconds == 1586903635
    assert create(tenant, status=CASE_STATUS_CLOSED).HasField("resolve_time")
    assert not create(tenant, resolve_time={"seconds": 1586903635}).HasField("resolve_time")


def test_a_case_is_not_part_of_itself(tenant: Tenant) -> None:
    case = create(tenant)
    with pytest.raises(errors.InvalidArgument, match="part of itself"):
        update(tenant, case, parent=case.name)


def test_a_note_is_ours_and_changes_nothing(tenant: Tenant) -> None:
    case = create(tenant)
    note = message(tenant, case)
    assert (note.direction, note.author) == (MESSAGE_DIRECTION_NOTE, tenant.subject)
    assert note.HasField("send_time")
    assert get(tenant, case) == case


def test_an_answer_waits_for_the_customer_whose_word_opens_the_case_again(tenant: Tenant) -> None:
    case = create(tenant)
    first = reply(tenant, case, request_id="a", etag=case.etag)
    assert (first.case.status, first.message.direction) == (CASE_STATUS_WAITING, MESSAGE_DIRECTION_OUTBOUND)
    assert first.message.author == tenant.subject
    assert first.case.first_response_time == first.message.send_time
    assert reply(tenant, case, request_id="a", etag=case.etag) == first
    second = reply(tenant, case)
    assert second.case.first_response_time == first.case.first_response_time
    assert second.case.last_response_time == second.message.send_time
    word = message(tenant, case, direction=MESSAGE_DIRECTION_INBOUND)
    assert (word.author, get(tenant, case).status) == ("", CASE_STATUS_OPEN)
    assert tenant.verbs(case.name, "cases") == ["created", "answered", "answered", "updated"]
    with pytest.raises(errors.Aborted):
        reply(tenant, case, etag="1")
    with pytest.raises(errors.NotFound):
        reply(tenant, Case(name="cases/none"))


def test_the_customers_word_opens_a_solved_case_unless_it_was_said_before_or_the_case_is_closed(
    tenant: Tenant,
) -> None:
    case = create(tenant)
    resolve(tenant, case)
    message(tenant, case, direction=MESSAGE_DIRECTION_INBOUND, send_time={"seconds": 1586903635})
    assert get(tenant, case).status == CASE_STATUS_RESOLVED
    message(tenant, case, direction=MESSAGE_DIRECTION_INBOUND)
    opened = get(tenant, case)
    assert (opened.status, opened.HasField("resolve_time")) == (CASE_STATUS_OPEN, False)
    update(tenant, case, status=CASE_STATUS_CLOSED)
    message(tenant, case, direction=MESSAGE_DIRECTION_INBOUND)
    assert get(tenant, case).status == CASE_STATUS_CLOSED


def test_answering_a_solved_case_leaves_it_solved(tenant: Tenant) -> None:
    case = create(tenant)
    resolve(tenant, case)
    assert reply(tenant, case).case.status == CASE_STATUS_RESOLVED


def test_assigning_a_case_says_so_on_every_path(tenant: Tenant) -> None:
    first, second = tenant.user("First"), tenant.user("Second")
    case = create(tenant)
    request = pb.AssignCaseRequest(name=case.name, assignee=first.name, request_id="r")
    assert tenant.call(CASES + "AssignCase", request) == tenant.call(CASES + "AssignCase", request)
    update(tenant, case, assignee=second.name)
    assert tenant.verbs(case.name, "cases") == ["created", "assigned", "assigned"]
    with pytest.raises(errors.InvalidArgument, match="assignee: users/nobody does not exist"):
        tenant.call(CASES + "AssignCase", pb.AssignCaseRequest(name=case.name, assignee="users/nobody"))


def test_new_cases_go_round_among_the_active_members_of_their_queue(tenant: Tenant) -> None:
    users = [tenant.user("One"), tenant.user("Two"), tenant.user("Away")]
    tenant.user("Agent of no queue", "cases.*")
    deactivate(tenant, users[2])
    tenant.deliver("cases", HANDLERS, tenant.changes("identity"))
    line = queue(tenant, members=[user.name for user in users])
    cases = [create(tenant, queue=line.name) for _ in range(4)]
    taken = create(tenant, queue=line.name, assignee=users[1].name)
    solved = create(tenant, queue=line.name, status=CASE_STATUS_CLOSED)
    created = tenant.changes("cases", kind="case", verb="created")
    tenant.deliver("cases", HANDLERS, created)
    tenant.deliver("cases", HANDLERS, created)
    one, two = sorted(user.name for user in users[:2])
    assert [get(tenant, case).assignee for case in cases] == [one, two, one, two]
    assert tenant.verbs(cases[0].name, "cases") == ["created", "assigned"]
    assert tenant.verbs(taken.name, "cases") == ["created"]
    assert get(tenant, solved).assignee == ""


def test_a_queue_without_members_gives_cases_to_all_who_may_take_them(tenant: Tenant) -> None:
    agents = sorted([tenant.user("One", "cases.*").name, tenant.user("Two", "*").name])
    tenant.user("Viewer", "*.read")
    tenant.deliver("cases", HANDLERS, tenant.changes("identity"))
    cases = [create(tenant) for _ in range(2)]
    tenant.deliver("cases", HANDLERS, tenant.changes("cases", kind="case"))
    assert [get(tenant, case).assignee for case in cases] == agents


def test_cases_that_nobody_could_take_are_assigned_when_somebody_comes(tenant: Tenant) -> None:
    line = queue(tenant, members=[tenant.user("Unheard of").name])
    waiting, elsewhere = create(tenant, queue=line.name), create(tenant, queue=queue(tenant).name)
    tenant.deliver("cases", HANDLERS, tenant.changes("cases"))
    assert [get(tenant, case).assignee for case in (waiting, elsewhere)] == ["", ""]
    agent = tenant.user("Agent", "cases.update")
    tenant.deliver("cases", HANDLERS, tenant.changes("identity", record={"$in": [agent.name, *agent.roles]}))
    assert [get(tenant, case).assignee for case in (waiting, elsewhere)] == ["", agent.name]
    request = queue_service_pb2.UpdateQueueRequest(
        queue={"name": line.name, "members": [agent.name]}, update_mask={"paths": ["members"]}
    )
    tenant.call(QUEUES + "UpdateQueue", request)
    tenant.deliver("cases", HANDLERS, tenant.changes("cases", kind="queue", verb="updated"))
    assert get(tenant, waiting).assignee == agent.name


def test_a_user_who_is_gone_or_whose_role_is_narrowed_gets_no_more_cases_in_whatever_order_that_is_heard(
    tenant: Tenant,
) -> None:
    gone, narrowed, agent = (tenant.user(name, "cases.update") for name in ("Gone", "Narrowed", "Agent"))
    author = Author(tenant.name, "services/identity")
    tenant.world.identity.write(author, lambda tx: tx.delete(User, gone.name))
    narrow(tenant, narrowed.roles[0])
    tenant.deliver("cases", HANDLERS, reversed(tenant.changes("identity")))
    cases = [create(tenant) for _ in range(3)]
    tenant.deliver("cases", HANDLERS, tenant.changes("cases", kind="case"))
    assert [get(tenant, case).assignee for case in cases] == [agent.name] * 3


def test_an_import_of_500_cases_is_numbered_in_order_and_soon(tenant: Tenant) -> None:
    requests = [
        pb.CreateCaseRequest(case=Case(subject=f"Case {number}", status=CASE_STATUS_CLOSED, external_id=str(number)))
        for number in range(500)
    ]
    began = time.monotonic()
    made = tenant.call(CASES + "BatchCreateCases", pb.BatchCreateCasesRequest(requests=requests)).cases
    seconds = time.monotonic() - began
    assert [case.case_number for case in made] == [f"C-{number:06}" for number in range(1, 501)]
    assert seconds < 500 * 0.004, f"{seconds / 500 * 1000:.2f} ms each"


def deactivate(tenant: Tenant, user: User) -> None:
    def change(user: User) -> None:
        user.state = USER_STATE_DEACTIVATED

    author = Author(tenant.name, "services/identity")
    tenant.world.identity.write(author, lambda tx: tx.update(User, user.name, change))


def narrow(tenant: Tenant, name: str) -> None:
    from kith.identity.v1.role_pb2 import Role

    def change(role: Role) -> None:
        role.permissions[:] = ["cases.read"]

    author = Author(tenant.name, "services/identity")
    tenant.world.identity.write(author, lambda tx: tx.update(Role, name, change))
