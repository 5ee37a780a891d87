"""API Gateway's own answers, as the deployed template words them."""

import json
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import AuthError
from ministack.services import apigateway_v1


def gateway_responses() -> None:
    """The gateway responses in an API's OpenAPI body, where SAM puts them; the emulator does not read them there."""
    original = apigateway_v1._import_rest_api

    def import_rest_api(spec: Any, base: Any = None) -> str:
        api_id: str = original(spec, base)
        for kind, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
            apigateway_v1._put_gateway_response(api_id, kind, response)
        return api_id

    apigateway_v1._import_rest_api = import_rest_api


def denied_by_iam() -> None:
    """A caller whom IAM denies gets the ACCESS_DENIED gateway response; the emulator answers as an AWS service."""
    original = app._enforce_execute_api
    apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS["AccessDenied"] = ("ACCESS_DENIED", "AccessDeniedException")

    def enforce(api_id: str, stage: str, method: str, path: str, headers: Any, query: Any, **more: Any) -> Any:
        denied = original(api_id, stage, method, path, headers, query, **more)
        if denied is None or "x-amz-json" not in denied[1].get("Content-Type", ""):
            return denied
        error = AuthError("AccessDenied", json.loads(denied[2])["message"])
        return apigateway_v1.authentication_error_response(api_id, stage, error, headers, query) or denied

    app._enforce_execute_api = enforce


MENDS = [gateway_responses, denied_by_iam]
