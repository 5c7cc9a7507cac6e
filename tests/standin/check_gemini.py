"""What the vendor of `generateContent` refuses, with its words.

Strict as the newest models are (Gemini 3.6 and later): calls signed, function responses in a content of their own and
as many as calls, the user speaks last. Source: ai.google.dev, API reference, function calling and thought signatures;
SDK 3.3; refusals that users report are marked [seen]; read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

from tests.standin.gemini_schema import check_schema
from tests.standin.reply import Signer
from tests.standin.rules import Rules, words
from tests.standin.voice import Refused, need

Json = dict[str, Any]

MEMBERS = words(
    "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent serviceTier store"
)
SETTINGS = words(
    """
    temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType responseSchema
    responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs thinkingConfig
    responseModalities mediaResolution speechConfig imageConfig
    """
)
PARTS = words(
    "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse"
)
BESIDE = words("thought thoughtSignature videoMetadata mediaResolution partMetadata")
TOOLS = words("functionDeclarations googleSearch urlContext codeExecution googleMaps fileSearch computerUse")
DECLARATION = words("name description parameters parametersJsonSchema response responseJsonSchema behavior")
DECLARATION |= {"parameters_json_schema"}  # so the official SDK spells it, among names like the others
MEDIA = re.compile(
    r"image/(png|jpeg|webp|heic|heif)|audio/(wav|mp3|mpeg|aiff|aac|ogg|flac|m4a)|video/[\w.+-]+|application/pdf|text/[\w.+-]+"
)
RESULT_MEDIA = re.compile(r"image/(png|jpeg|webp)|application/pdf|text/plain")
SKIP = "skip_thought_signature_validator"
RANGES = {"temperature": (0, 2), "topP": (0, 1), "topK": (1, 1000), "maxOutputTokens": (1, 65536)}


def check_gemini(body: Json, rules: Rules, signer: Signer) -> None:
    """Raises Refused for the first thing the vendor would refuse."""
    _known(body, MEMBERS | rules.allow, "")
    contents: Any = body.get("contents")
    need(isinstance(contents, list) and contents, "* GenerateContentRequest.contents: contents is not specified")
    if not rules.strict:
        return
    system = body.get("systemInstruction")
    if system is not None:
        _known(system, {"role", "parts"}, "system_instruction")
        need(all("text" in part for part in system["parts"]), "system_instruction must be text")
    for place, content in enumerate(contents):
        _check_content(content, f"contents[{place}]", rules.refuse)
    _check_order(contents)
    _check_signatures(contents, signer)
    names = _check_tools(body, rules.refuse)
    _check_choice(body, names)
    _check_settings(body)


def _known(value: Any, known: set[str] | frozenset[str], where: str) -> None:
    need(isinstance(value, dict), f"Invalid value at '{where}' (type.googleapis.com/Message), expected an object")
    for name in value:
        at = f" at '{where}'" if where else ""
        message = f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        need(name in known, message, f"{where}.{name}".lstrip("."))


def _check_content(content: Any, where: str, refuse: frozenset[str]) -> None:
    _known(content, {"role", "parts"}, where)
    need(content.get("role") in ("user", "model"), "Please use a valid role: user, model.", where)
    parts = content.get("parts")
    need(
        isinstance(parts, list) and parts, f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty."
    )
    for place, part in enumerate(parts):
        here = f"{where}.parts[{place}]"
        _known(part, PARTS | BESIDE, here)
        data = PARTS & set(part)
        need(len(data) == 1, f"* {here}.data: required oneof field 'data' must have one initialized field")
        is_empty = part.get("text") == "" and "thoughtSignature" not in part
        need(not is_empty, f"Unable to submit request because it must have a text parameter. ({here})")  # [seen]
        _check_part(part, here, refuse)


def _check_part(part: Json, where: str, refuse: frozenset[str]) -> None:
    if "inlineData" in part:
        _check_blob(part["inlineData"], MEDIA, where)
    if "fileData" in part:
        _known(part["fileData"], {"fileUri", "mimeType"}, where)
        need(re.match(r"https?://|gs://|files/", part["fileData"].get("fileUri", "")), f"Invalid file uri ({where})")
    if "functionCall" in part:
        call = part["functionCall"]
        _known(call, {"id", "name", "args"} - refuse, f"{where}.function_call")
        _check_name(call.get("name"), f"{where}.function_call.name")
        need(isinstance(call.get("args", {}), dict), f"Invalid value at '{where}.function_call.args'")
    if "functionResponse" in part:
        response = part["functionResponse"]
        _known(response, {"id", "name", "response", "parts"} - refuse, f"{where}.function_response")
        named = response.get("name")
        need(named, f"* GenerateContentRequest.{where}.function_response.name: Name cannot be empty.")  # [seen]
        need(isinstance(response.get("response"), dict), f"Invalid value at '{where}.function_response.response'")
        for each in response.get("parts", ()):
            _known(each, {"inlineData"}, f"{where}.function_response.parts")
            _check_blob(each["inlineData"], RESULT_MEDIA, where)


def _check_blob(blob: Json, media: re.Pattern[str], where: str) -> None:
    blob = {"mimeType" if name == "mime_type" else name: value for name, value in blob.items()}  # as the SDK spells it
    _known(blob, {"mimeType", "data"}, f"{where}.inline_data")
    need(media.fullmatch(blob.get("mimeType", "")), f"Unsupported MIME type: {blob.get('mimeType')}", where)
    need(re.fullmatch(r"[A-Za-z0-9+/_-]+=*", blob.get("data", "")), f"Base64 decoding failed at '{where}'", where)


def _check_name(name: Any, where: str) -> None:
    good = isinstance(name, str) and re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}", name)
    message = (
        "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), "
        "underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128."
    )
    need(good, f"* GenerateContentRequest.{where}: {message}", where)


def _calls(content: Json) -> list[Json]:
    return [part["functionCall"] for part in content["parts"] if "functionCall" in part]


def _responses(content: Json) -> list[Json]:
    return [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]


def _check_order(contents: list[Json]) -> None:
    """Every call is answered by the content right behind it, which holds nothing else."""
    need(contents[0]["role"] == "user", "Please ensure that multiturn requests begin with a user turn.")  # [seen]
    last = contents[-1]["role"] == "user"
    need(last, "Requests ending with a model turn are not supported unless the last part is a function response.")
    waiting: list[Json] = []
    for content in contents:
        responses = _responses(content)
        number = (
            "Please ensure that the number of function response parts is equal to the number of function call parts of "
            "the function call turn."
        )
        need(len(responses) == len(waiting), number)
        if responses:
            need(content["role"] == "user", "Please ensure that function responses come from the user.")
            # [seen] at Vertex AI since Gemini 3.6, in these misleading words
            alone = len(responses) == len(content["parts"])
            need(alone, "Requests ending with a model turn are not supported.")
            for call, response in zip(waiting, responses, strict=True):
                matches = call["name"] == response["name"] and call.get("id") == response.get("id")
                need(matches, "Please ensure that function responses match their function calls by name and id.")
        waiting = _calls(content)
        need(not waiting or content["role"] == "model", "Please ensure that function calls come from the model.")
    need(not waiting, "Please ensure that function call turn is followed by a function response turn.")


def _check_signatures(contents: list[Json], signer: Signer) -> None:
    """Signatures are ours; in the current turn, the first call of each content has one."""
    begins = [
        place
        for place, each in enumerate(contents)
        if each["role"] == "user" and any("text" in p for p in each["parts"])
    ]
    current = begins[-1] if begins else 0
    for place, content in enumerate(contents):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and place > current:
            name = calls[0]["functionCall"]["name"]
            message = (
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                f"work correctly. Additional data, function call `default_api:{name}`, position {place + 1}."
            )
            need("thoughtSignature" in calls[0], message)
        for part in content["parts"]:
            signature = part.get("thoughtSignature")
            if signature is not None and not (signature == SKIP and "functionCall" in part):
                standard = signature.replace("-", "+").replace("_", "/")  # the official SDK writes base64url
                need(signer.owns(_signed(part), standard), "Corrupted thought signature.")


def _signed(part: Json) -> str:
    if "functionCall" in part:
        return f"call:{part['functionCall']['name']}"
    return f"text:{part.get('text', '')}"


def _check_tools(body: Json, refuse: frozenset[str]) -> set[str]:
    """The names of the functions declared."""
    tools = body.get("tools", [])
    need(isinstance(tools, list), "Invalid value at 'tools'")
    names: set[str] = set()
    vendors: list[str] = []
    for place, tool in enumerate(tools):
        _known(tool, TOOLS, f"tools[{place}]")
        vendors += [name for name in tool if name != "functionDeclarations"]
        for index, declared in enumerate(tool.get("functionDeclarations", [])):
            where = f"tools[{place}].function_declarations[{index}]"
            _known(declared, DECLARATION - refuse, where)
            _check_name(declared.get("name"), f"{where}.name")
            duplicate = f"Duplicate function declaration found: {declared['name']}"
            need(declared["name"] not in names, duplicate)
            names.add(declared["name"])
            _check_parameters(declared, where)
    config = body.get("toolConfig", {})
    _known(config, {"functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"}, "tool_config")
    combined = not (names and vendors) or (
        "mixed_tools" not in refuse and config.get("includeServerSideToolInvocations")
    )
    need(combined, "Built-in tools and Function Calling cannot be combined in the same request.")
    return names


def _check_parameters(declared: Json, where: str) -> None:
    both = "parameters" in declared and "parametersJsonSchema" in declared
    need(not both, f"* {where}: parameters and parameters_json_schema are mutually exclusive.")
    if "parameters" in declared:
        check_schema(declared["parameters"], f"{where}.parameters")
    if "parametersJsonSchema" in declared:
        schema = declared["parametersJsonSchema"]
        good = isinstance(schema, dict) and schema.get("type") in ("object", "OBJECT")
        need(good, f"* {where}.parameters_json_schema: must describe an object.")


def _check_choice(body: Json, names: set[str]) -> None:
    choice = body.get("toolConfig", {}).get("functionCallingConfig")
    if choice is None:
        return
    _known(choice, {"mode", "allowedFunctionNames"}, "tool_config.function_calling_config")
    mode, allowed = choice.get("mode", "AUTO"), choice.get("allowedFunctionNames", [])
    need(mode in ("AUTO", "ANY", "NONE", "VALIDATED"), f"Invalid value at 'mode': {mode}")
    need(not allowed or mode in ("ANY", "VALIDATED"), "allowed_function_names should be set only for ANY or VALIDATED.")
    need(set(allowed) <= names, "allowed_function_names contains a name that is not declared.")
    need(mode in ("AUTO", "NONE") or names, "Function calling config is set without function_declarations.")


def _check_settings(body: Json) -> None:
    settings = body.get("generationConfig", {})
    _known(settings, SETTINGS, "generation_config")
    for name, (low, high) in RANGES.items():
        value = settings.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and low <= value <= high):
            raise Refused(f"Unable to submit request because it has a {name} value of {value}.", name)
    stops = settings.get("stopSequences", [])
    need(isinstance(stops, list) and len(stops) <= 5, "The maximum number of stop sequences is 5.", "stopSequences")
    shaped = {"responseSchema", "responseJsonSchema"} & set(settings)
    is_json = settings.get("responseMimeType") == "application/json"
    need(not shaped or is_json, "Response schema is set but the response mime type is not application/json.")
    if "responseSchema" in settings:
        check_schema(settings["responseSchema"], "generation_config.response_schema")
    thinking = settings.get("thinkingConfig", {})
    _known(thinking, {"includeThoughts", "thinkingBudget", "thinkingLevel"}, "generation_config.thinking_config")
    both = "thinkingBudget" in thinking and "thinkingLevel" in thinking
    need(not both, "You can only set only one of thinking budget and thinking level.")
    level = thinking.get("thinkingLevel", "LOW")
    need(level in ("MINIMAL", "LOW", "MEDIUM", "HIGH"), f"Invalid value at 'thinking_level': {level}")
