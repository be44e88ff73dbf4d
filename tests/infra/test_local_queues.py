"""The local cloud's FIFO queues: groups side by side where messages come alone, one after the other within a group."""

import pytest

from tests.infra.emulator import in_emulator

PROGRAM = """
import json
from ministack.services import lambda_svc
from infra.local.repairs import queues
before = lambda_svc._sqs_esm_concurrency
queues.apply()
after = lambda_svc._sqs_esm_concurrency
fifo, plain, function = {"is_fifo": True}, {"is_fifo": False}, {"config": {}}
print(json.dumps([
    before({"BatchSize": 1}, function, {}, fifo),
    after({"BatchSize": 1}, function, {}, fifo),
    after({"BatchSize": 10}, function, {}, fifo),
    after({"BatchSize": 1}, function, {}, plain) == before({"BatchSize": 1}, function, {}, plain),
]))
"""


@pytest.mark.local_cloud
def test_groups_of_single_messages_run_side_by_side_and_batches_do_not() -> None:
    before, after, batches, plain_as_before = in_emulator(PROGRAM)
    assert before == 1, "the emulator has learnt it: the repair can go"
    assert (after > 1, batches, plain_as_before) == (True, 1, True)


WHO_COMES = """
import json
from ministack.services import sqs
attributes = {"FifoQueue": "true", "VisibilityTimeout": "330"}
url = sqs._act_create_queue({"QueueName": "q.fifo", "Attributes": attributes}, "")["QueueUrl"]
for number, group in enumerate(["a", "a", "b"]):
    message = {"MessageBody": group, "MessageGroupId": group, "MessageDeduplicationId": str(number)}
    sqs._act_send_message(message, url)
received = lambda: [message["group_id"] for message in sqs._receive_messages_for_esm(url, 1)]
first, *others = [sqs._receive_messages_for_esm(url, 1), received(), received()]
sqs._delete_messages_for_esm(url, {first[0]["receipt_handle"]})
print(json.dumps([[message["group_id"] for message in first], *others, received()]))
"""


@pytest.mark.local_cloud
def test_a_group_s_next_message_comes_when_the_one_before_is_done_and_never_meanwhile() -> None:
    assert in_emulator(WHO_COMES) == [["a"], ["b"], [], ["a"]]


AFTER_A_RESTART = """
import json, time
from ministack.core import persistence
from ministack.services import sqs
from infra.local.repairs import queues

url = sqs._act_create_queue({"QueueName": "q", "Attributes": {"VisibilityTimeout": "330"}}, "")["QueueUrl"]
send = lambda body, delay: sqs._act_send_message({"MessageBody": body, "DelaySeconds": delay}, url)
received = lambda: [message["body"] for message in sqs._receive_messages_for_esm(url, 10)]

def after_a_restart():
    state = json.dumps({"payload": sqs.get_state()}, default=persistence._json_default)
    sqs._queues._data.clear()
    sqs.load_persisted_state(json.loads(state, object_hook=persistence._json_object_hook)["payload"])
    return received()

send("delayed", 600)
send("being handled", 0)
first = received()
before = after_a_restart()
queues.apply()
print(json.dumps([first, before, after_a_restart()]))
"""


@pytest.mark.local_cloud
def test_what_was_being_handled_at_a_stop_comes_again_at_the_start_and_what_is_delayed_does_not() -> None:
    first, before, after = in_emulator(AFTER_A_RESTART)
    assert (first, before) == (["being handled"], []), "the emulator has learnt it: the repair can go"
    assert after == ["being handled"]
