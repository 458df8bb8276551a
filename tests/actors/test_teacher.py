"""A teacher behind an endpoint that speaks OpenAI's protocol, and one whose answers were recorded."""

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actors.engine import Sampling
from actors.teacher import Teacher, TeacherConfig, recorded
from envisions.records import Candidate
from envs.base import InfrastructureError

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=32)


class Endpoint(BaseHTTPRequestHandler):
    """Answers every question with its own last line; refuses as many calls as `refusals` says."""

    asked: list[tuple[str, dict[str, Any]]]
    refusals: list[int]

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, given))
        status = self.refusals.pop() if self.refusals else 200
        prompt = given["messages"][0]["content"] if "messages" in given else given["prompt"]
        said = {"text": prompt.splitlines()[-1], "finish_reason": "length", "index": 0}
        said["message"] = {"role": "assistant", "content": said["text"]}
        body = json.dumps({"id": "1", "object": "x", "created": 0, "model": "m", "choices": [said]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("Handler", (Endpoint,), {"asked": [], "refusals": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", handler
    server.shutdown()
    thread.join(10)
    server.server_close()


def answered(config: TeacherConfig, problem: str = "p", slot: int = 0) -> Candidate:
    return asyncio.run(Teacher(config).answer(problem, slot, "Task\nlast line", 2**40 + 5, SAMPLING, 3))


@pytest.mark.parametrize(("form", "path"), [("chat", "/v1/chat/completions"), ("completions", "/v1/completions")])
def test_an_endpoint_is_asked_in_either_form(endpoint: Any, form: Any, path: str) -> None:
    url, handler = endpoint
    candidate = answered(TeacherConfig(url=url, model="big", form=form))
    assert (candidate.text, candidate.finish, candidate.weights) == ("last line", "length", 3)
    assert math.isnan(candidate.logprob)
    ((where, given),) = handler.asked
    assert where == path
    assert given["model"] == "big"
    assert (given["temperature"], given["top_p"], given["max_tokens"], given["seed"]) == (0.7, 0.9, 32, 5)


def test_a_refused_call_is_made_again_and_one_refused_for_good_is_the_machines_failure(endpoint: Any) -> None:
    url, handler = endpoint
    handler.refusals[:] = [503]
    assert answered(TeacherConfig(url=url, model="big", retries=1)).text == "last line"
    assert len(handler.asked) == 2
    handler.refusals[:] = [400]
    with pytest.raises(InfrastructureError, match=f"the teacher at {url} gave no answer"):
        answered(TeacherConfig(url=url, model="big", retries=1))
    with pytest.raises(InfrastructureError, match="gave no answer"):
        answered(TeacherConfig(url="http://127.0.0.1:9/v1", model="big", retries=0))


def test_recorded_answers_are_given_slot_by_slot_and_none_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    rows = [{"problem": "p", "answer": "one"}, {"problem": "q", "answer": "other"}, {"problem": "p", "answer": "two"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = TeacherConfig(answers=file)
    assert [answered(config, slot=slot).text for slot in range(3)] == ["one", "two", ""]
    assert answered(config, "unknown").text == ""


def test_a_malformed_record_is_named_by_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"problem": "p", "answer": "one"}\n{"problem": "p"}\n')
    with pytest.raises(ValueError, match=r"said\.jsonl line 2 must be"):
        recorded(file)


def test_an_endpoint_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="both are set; give one of the two"):
        TeacherConfig(url="http://x", model="m", answers=tmp_path)
