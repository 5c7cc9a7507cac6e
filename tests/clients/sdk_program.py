"""A small agent on a vendor's SDK, as a program of its own: `python sdk_program.py <sdk> <url> <model> <prompt>`.

It has three tools, asks in turn for a stream and for a whole answer, and goes on until the model calls no tool. Its one
line of output tells the last words and the calls. A program of its own, because releases of one SDK cannot share a
process: the older ones come by PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

KEY = "key-of-the-client"
MOST = 12
"""Answers after which the program gives up."""
TOOLS: dict[str, tuple[str, ...]] = {
    "put_file": ("path", "content"),
    "run_command": ("command",),
    "get_file": ("path",),
}


def schema(names: tuple[str, ...]) -> Json:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}


def carry_out(name: str, given: Json) -> str:
    """What a tool says."""
    match name:
        case "put_file":
            Path(given["path"]).write_text(given["content"])
            return "Written."
        case "run_command":
            done = subprocess.run(given["command"], shell=True, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr
        case "get_file":
            return Path(given["path"]).read_text()
        case _:
            return f"There is no tool {name}."


def told(text: str, calls: list[str]) -> Json:
    return {"text": text, "calls": calls}


def streamed() -> Iterator[bool]:
    """Whether an answer is asked for as a stream, one after another."""
    return (number % 2 == 0 for number in range(MOST))


def ask_anthropic(url: str, model: str, prompt: str) -> Json:
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)
    tools: Any = [{"name": name, "description": name, "input_schema": schema(names)} for name, names in TOOLS.items()]
    messages: list[Any] = [{"role": "user", "content": prompt}]
    made: list[str] = []
    for stream in streamed():
        body: Any = {"model": model, "max_tokens": 2000, "messages": messages, "tools": tools}
        if stream:
            with client.messages.stream(**body) as events:
                message: Any = events.get_final_message()
        else:
            message = client.messages.create(**body)
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return told("".join(block.text for block in message.content if block.type == "text"), made)
        made += [call.name for call in calls]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": carry_out(call.name, call.input)}
            for call in calls
        ]
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    return told("I give up.", made)


def ask_chat(url: str, model: str, prompt: str) -> Json:
    import openai
    from openai.lib.streaming.chat import ChatCompletionStreamState

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    tools: Any = [
        {"type": "function", "function": {"name": name, "description": name, "parameters": schema(names)}}
        for name, names in TOOLS.items()
    ]
    messages: list[Any] = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": prompt}]
    made: list[str] = []
    for stream in streamed():
        body: Any = {"model": model, "messages": messages, "tools": tools}
        if stream:
            state: Any = ChatCompletionStreamState()
            for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
                state.handle_chunk(chunk)
            completion: Any = state.get_final_completion()
        else:
            completion = client.chat.completions.create(**body)
        message = completion.choices[0].message
        calls = message.tool_calls or []
        if not calls:
            return told(message.content, made)
        made += [call.function.name for call in calls]
        asked = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
        messages.append({"role": "assistant", "content": message.content, "tool_calls": asked})
        messages += [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": carry_out(call.function.name, json.loads(call.function.arguments)),
            }
            for call in calls
        ]
    return told("I give up.", made)


def ask_responses(url: str, model: str, prompt: str) -> Json:
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0)
    tools: Any = [
        {"type": "function", "name": name, "description": name, "parameters": schema(names), "strict": False}
        for name, names in TOOLS.items()
    ]
    items: list[Any] = [{"role": "user", "content": prompt}]
    made: list[str] = []
    for stream in streamed():
        body: Any = {"model": model, "input": items, "tools": tools, "instructions": "Be brief.", "store": False}
        body["include"] = ["reasoning.encrypted_content"]
        if stream:
            with client.responses.stream(**body) as events:
                response: Any = events.get_final_response()
        else:
            response = client.responses.create(**body)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return told(response.output_text, made)
        made += [call.name for call in calls]
        items += [without_parsed(item.to_dict()) for item in response.output]
        items += [
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": carry_out(call.name, json.loads(call.arguments)),
            }
            for call in calls
        ]
    return told("I give up.", made)


def without_parsed(value: Any) -> Any:
    """An item without what the SDK adds to it."""
    match value:
        case dict():
            own = ("parsed", "parsed_arguments")
            return {name: without_parsed(inner) for name, inner in value.items() if name not in own}
        case list():
            return [without_parsed(inner) for inner in value]
        case _:
            return value


def ask_gemini(url: str, model: str, prompt: str) -> Json:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url))
    declared: Any = [
        {"name": name, "description": name, "parameters_json_schema": schema(names)} for name, names in TOOLS.items()
    ]
    config: Any = {"tools": [{"function_declarations": declared}], "system_instruction": "Be brief."}
    contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=prompt)])]
    made: list[str] = []
    for stream in streamed():
        body: Any = {"model": model, "contents": contents, "config": config}
        ask: Any = client.models
        answers = [*ask.generate_content_stream(**body)] if stream else [ask.generate_content(**body)]
        parts = [
            part
            for answer in answers
            for candidate in answer.candidates or ()
            for part in (candidate.content.parts or () if candidate.content else ())
        ]
        calls = [part.function_call for part in parts if part.function_call]
        if not calls:
            return told("".join(part.text or "" for part in parts if not part.thought), made)
        made += [call.name for call in calls]
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": carry_out(call.name, call.args)}
                )
            )
            for call in calls
        ]
        kept = [part for part in parts if part.model_dump(exclude_none=True) != {"text": ""}]
        contents += [types.Content(role="model", parts=kept), types.Content(role="user", parts=results)]
    return told("I give up.", made)


def ask_agent_sdk(url: str, model: str, prompt: str) -> Json:
    """Claude's agent SDK, which drives the Claude Code that CLAUDE names with that one's own tools."""
    return asyncio.run(_drive_claude(url, model, prompt))


async def _drive_claude(url: str, model: str, prompt: str) -> Json:
    import claude_agent_sdk as sdk  # type: ignore[import-not-found, unused-ignore] # only where it was fetched

    options = sdk.ClaudeAgentOptions(
        cli_path=os.environ["CLAUDE"],
        model=model,
        permission_mode="acceptEdits",
        allowed_tools=["Bash", "Read", "Write"],
        env={"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
    )
    text = "There was no result."
    made: list[str] = []
    async for message in sdk.query(prompt=prompt, options=options):
        if isinstance(message, sdk.ResultMessage):
            text = message.result or ""
        blocks = getattr(message, "content", None) or ()
        made += [block.name for block in blocks if isinstance(block, sdk.ToolUseBlock)]
    return told(text, made)


SDKS: dict[str, Callable[[str, str, str], Json]] = {
    "anthropic": ask_anthropic,
    "openai-chat": ask_chat,
    "openai-responses": ask_responses,
    "google-genai": ask_gemini,
    "claude-agent-sdk": ask_agent_sdk,
}


def main() -> None:
    sdk, url, model, prompt = sys.argv[1:]
    print(json.dumps(SDKS[sdk](url, model, prompt)))


if __name__ == "__main__":
    main()
