"""The permission that each route of the management API asks for."""

import re

from app import app
from chalicelib.api.openapi.automation_operations import AUTOMATION
from chalicelib.api.openapi.document import routed
from tests.api.conftest import Http
from tests.api.management import a_dataset, a_resource

ROUTES = [
    ("GET", "/datasets/", "browse"),
    ("POST", "/datasets/", "edit"),
    ("GET", "/datasets/{d}/", "browse"),
    ("PUT", "/datasets/{d}/", "edit"),
    ("DELETE", "/datasets/{d}/", "edit"),
    ("POST", "/datasets/{d}/publish/", "publish"),
    ("POST", "/datasets/{d}/unpublish/", "publish"),
    ("POST", "/datasets/{d}/abort/", "publish"),
    ("GET", "/datasets/{d}/status/", "browse"),
    ("GET", "/datasets/{d}/lane/", "browse"),
    ("POST", "/datasets/{d}/lane/resume/", "publish"),
    ("POST", "/datasets/{d}/lane/abort/", "publish"),
    ("GET", "/datasets/{d}/schedules/", "browse"),
    ("POST", "/datasets/{d}/schedules/", "edit"),
    ("GET", "/datasets/{d}/schedules/preview/", "browse"),
    ("GET", "/datasets/{d}/schedules/sc_000000/", "browse"),
    ("PUT", "/datasets/{d}/schedules/sc_000000/", "edit"),
    ("DELETE", "/datasets/{d}/schedules/sc_000000/", "edit"),
    ("GET", "/datasets/{d}/runs/", "browse"),
    ("POST", "/datasets/{d}/runs/", "publish"),
    ("GET", "/datasets/{d}/runs/ru_000000/", "browse"),
    ("POST", "/datasets/{d}/runs/ru_000000/abort/", "publish"),
    ("GET", "/datasets/{d}/metadata/", "browse"),
    ("PUT", "/datasets/{d}/metadata/", "edit"),
    ("GET", "/datasets/{d}/metadata/default/", "browse"),
    ("PUT", "/datasets/{d}/metadata/default/", "edit"),
    ("GET", "/datasets/{d}/metadata/default/title/", "browse"),
    ("PUT", "/datasets/{d}/metadata/default/title/", "edit"),
    ("GET", "/datasets/{d}/security/default/", "browse"),
    ("PUT", "/datasets/{d}/security/default/", "edit"),
    ("GET", "/datasets/{d}/fields/", "browse"),
    ("POST", "/datasets/{d}/fields/", "edit"),
    ("GET", "/datasets/{d}/fields/fi_000000/", "browse"),
    ("PUT", "/datasets/{d}/fields/fi_000000/", "edit"),
    ("DELETE", "/datasets/{d}/fields/fi_000000/", "edit"),
    ("GET", "/datasets/{d}/processors/", "browse"),
    ("POST", "/datasets/{d}/processors/", "edit"),
    ("GET", "/datasets/{d}/processors/pr_000000/", "browse"),
    ("PUT", "/datasets/{d}/processors/pr_000000/", "edit"),
    ("DELETE", "/datasets/{d}/processors/pr_000000/", "edit"),
    ("GET", "/processors/", "browse"),
    ("GET", "/datasets/{d}/resources/", "browse"),
    ("POST", "/datasets/{d}/resources/", "edit"),
    ("POST", "/datasets/{d}/resources/files/", "edit"),
    ("POST", "/datasets/{d}/resources/preview/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/", "browse"),
    ("PUT", "/datasets/{d}/resources/{r}/", "edit"),
    ("DELETE", "/datasets/{d}/resources/{r}/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/preview/", "browse"),
    ("GET", "/datasets/{d}/resources/{r}/alert/", "edit"),
    ("GET", "/datasets/{d}/export/", "browse"),
    ("POST", "/datasets/import/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/clean_cache/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/enable/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/disable/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/renew_api_key/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/recover/", "publish"),
    ("POST", "/datasets/{d}/resources/{r}/recover/abort/", "publish"),
    ("POST", "/datasets/{d}/resources/{r}/delete_recover_data/", "publish"),
    ("GET", "/datasets/{d}/resources/{r}/recovery/", "browse"),
    ("GET", "/datasets/{d}/resources/{r}/backup/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/backup/download/", "edit"),
    ("GET", "/apikeys/", "admin"),
    ("POST", "/apikeys/", "admin"),
    ("GET", "/apikeys/ak_000000/", "admin"),
    ("DELETE", "/apikeys/ak_000000/", "admin"),
]
_EXAMPLES = r"\{\w\}|\w\w_000000|(?<=metadata/)default|(?<=default/)title"


def test_every_route_asks_for_its_permission(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)["uid"]
    keys = {permission: http.api_key(permission) for permission in ("browse", "edit", "publish")}
    for method, template, needed in ROUTES:
        path = "/automation/v1.0" + template.format(d=dataset.rpartition("/")[2], r=resource)
        assert http.request(method, path).status == 401, (method, path)
        assert http.request(method, path, key="0" * 56).status == 401, (method, path)
        for permission in keys.keys() - {needed}:
            answer = http.request(method, path, key=keys[permission])
            assert (answer.status, answer.json["error_code"]) == (403, "forbidden"), (method, path, permission)


def test_the_permission_matrix_has_every_route_and_method_with_the_permission_that_is_documented() -> None:
    routes = {re.sub(r"\{\w+\}", "{}", operation) for operation in routed(app, AUTOMATION)}
    matrix = {
        f"{method} {re.sub(_EXAMPLES, '{}', template.rstrip('/'))}": needed for method, template, needed in ROUTES
    }
    assert (routes, len(ROUTES)) == (set(matrix), len(matrix))
    documented = {re.sub(r"\{\w+\}", "{}", name): o.permission for name, o in AUTOMATION.operations.items()}
    assert documented == matrix
