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
