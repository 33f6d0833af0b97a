"""A LiteLLM proxy's configuration, said in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tollhouse.control.importing import MILLION, Moved, of_kind
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.tasks import Task

IN_THE_ENVIRONMENT = "os.environ/"

# By LiteLLM's word for a provider: our kind, and the variable that its key is in if nothing is said.
KINDS = {
    "openai": ("openai", "OPENAI_API_KEY"),
    "text-completion-openai": ("openai", "OPENAI_API_KEY"),
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY"),
    "gemini": ("gemini", "GEMINI_API_KEY"),
    "groq": ("groq", "GROQ_API_KEY"),
    "mistral": ("mistral", "MISTRAL_API_KEY"),
    "deepseek": ("deepseek", "DEEPSEEK_API_KEY"),
    "xai": ("xai", "XAI_API_KEY"),
    "openrouter": ("openrouter", "OPENROUTER_API_KEY"),
    "together_ai": ("together", "TOGETHERAI_API_KEY"),
    "fireworks_ai": ("fireworks", "FIREWORKS_AI_API_KEY"),
    "cohere": ("cohere", "COHERE_API_KEY"),
    "cohere_chat": ("cohere", "COHERE_API_KEY"),
    "perplexity": ("perplexity", "PERPLEXITYAI_API_KEY"),
    "cerebras": ("cerebras", "CEREBRAS_API_KEY"),
    "deepinfra": ("deepinfra", "DEEPINFRA_API_KEY"),
    "sambanova": ("sambanova", "SAMBANOVA_API_KEY"),
    "moonshot": ("moonshot", "MOONSHOT_API_KEY"),
    "nvidia_nim": ("nvidia", "NVIDIA_NIM_API_KEY"),
    "huggingface": ("huggingface", "HF_TOKEN"),
    "ollama": ("ollama", ""),
    "ollama_chat": ("ollama", ""),
    "hosted_vllm": ("vllm", ""),
    "lm_studio": ("lm-studio", ""),
}
TASKS = {
    "chat": Task.CHAT,
    "completion": Task.COMPLETIONS,
    "embedding": Task.EMBEDDINGS,
    "moderation": Task.MODERATIONS,
    "rerank": Task.RERANK,
    "image_generation": Task.IMAGES,
    "audio_speech": Task.SPEECH,
    "audio_transcription": Task.TRANSCRIPTIONS,
}
RATES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache-read",
    "cache_creation_input_token_cost": "cache-write",
}
CARRIED = {"model", "api_base", "base_url", "api_key", *RATES}
INFO = {"id", "db_model", "mode", "max_tokens", "max_output_tokens", "base_model", *RATES}
_OPENAI = re.compile(r"(gpt-|o[0-9]|chatgpt-|text-embedding-|whisper|tts-|dall-e)")


def litellm(config: Any) -> Moved:
    """Raises FieldInvalid if it is none."""
    if not isinstance(config, Mapping) or not isinstance(config.get("model_list"), list):
        raise FieldInvalid("This is no LiteLLM configuration: it has no model_list.", param="file")
    moved = Moved()
    for number, entry in enumerate(config["model_list"]):
        _deployment(entry, f"model_list[{number}]", moved)
    for name in (name for name in config if name != "model_list"):
        _rest(name, config[name], moved)
    return moved


def _deployment(entry: Any, where: str, moved: Moved) -> None:
    given = entry.get("litellm_params") if isinstance(entry, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(given.get("model"), str):
        moved.left.append(f"{where}: it has no litellm_params.model")
        return
    name, info = str(entry.get("model_name") or given["model"]), entry.get("model_info") or {}
    target = _target(given, where, moved)
    if target is None:
        return
    model = moved.models.setdefault(name, {"targets": []})
    if target in model["targets"]:
        moved.left.append(f"{where}: {name} leads to {target} already")
    else:
        model["targets"].append(target)
    if name.endswith("*") and target.endswith("*"):
        model["star"] = "rest"
    if isinstance(info, Mapping):
        _info(info, model, where, moved)
        _prices(target, {**info, **given}, where, moved)
    moved.left += [f"{where}.litellm_params.{each}" for each in given if each not in CARRIED]
    known = ("model_name", "litellm_params", "model_info")
    moved.left += [f"{where}.{each}" for each in entry if each not in known]


def _target(given: Mapping[str, Any], where: str, moved: Moved) -> str | None:
    vendor, model = _vendor(given["model"])
    if vendor not in KINDS:
        moved.left.append(
            f"{where}: {given['model']}: set its provider up by hand, see `tollhouse providers list`"
        )
        return None
    kind, variable = KINDS[vendor]
    url = given.get("api_base") or given.get("base_url")
    if str(url).startswith(IN_THE_ENVIRONMENT):
        moved.left.append(f"{where}: {given['model']}: its URL is not in the file")
        return None
    key = _key(given.get("api_key"), variable, where, moved)
    provider = of_kind(kind, url, key, where, moved)
    if provider is None:
        return None
    return f"{_named(provider, moved)}:{model}"


def _vendor(model: str) -> tuple[str, str]:
    """Without a word before the slash it is known by its name."""
    vendor, slash, rest = model.partition("/")
    if slash and vendor in KINDS:
        return vendor, rest
    if model.startswith("claude"):
        return "anthropic", model
    return ("openai", model) if _OPENAI.match(model) else (vendor, rest)


def _key(said: Any, variable: str, where: str, moved: Moved) -> str:
    """A key that stands in the file is not repeated."""
    if said is None:
        return f"env:{variable}" if variable else ""
    if isinstance(said, str) and said.startswith(IN_THE_ENVIRONMENT):
        return f"env:{said.removeprefix(IN_THE_ENVIRONMENT)}"
    variable = variable or "UPSTREAM_API_KEY"
    moved.left.append(
        f"{where}.litellm_params.api_key: it stands there in clear; put it into {variable}"
    )
    return f"env:{variable}"


def _named(provider: dict[str, str], moved: Moved) -> str:
    """The provider that is the same, or a new one by its kind."""
    for name, known in moved.providers.items():
        if known == provider:
            return name
    name, number = provider["kind"], 2
    while name in moved.providers:
        name, number = f"{provider['kind']}-{number}", number + 1
    moved.providers[name] = provider
    return name


def _info(info: Mapping[str, Any], model: dict[str, Any], where: str, moved: Moved) -> None:
    mode = info.get("mode")
    if mode in TASKS:
        model["does"] = sorted({*model.get("does", ()), TASKS[mode].value})
    elif mode is not None:
        moved.left.append(f"{where}.model_info.mode: {mode}")
    most = info.get("max_output_tokens") or info.get("max_tokens")
    if isinstance(most, int) and not isinstance(most, bool) and most > 0:
        model["max_output_tokens"] = max(most, model.get("max_output_tokens", 0))
    moved.left += [f"{where}.model_info.{each}" for each in info if each not in INFO]


def _prices(target: str, given: Mapping[str, Any], where: str, moved: Moved) -> None:
    rates = {option: given[name] for name, option in RATES.items() if given.get(name) is not None}
    if rates:
        moved.price(target, rates, MILLION, where)


def _rest(name: str, value: Any, moved: Moved) -> None:
    if name not in ("router_settings", "litellm_settings") or not isinstance(value, Mapping):
        moved.left += [f"{name}.{each}" for each in value] if isinstance(value, Mapping) else [name]
        return
    for each, said in value.items():
        if each == "model_group_alias" and isinstance(said, Mapping):
            _aliases(said, f"{name}.{each}", moved)
        elif each == "fallbacks" and isinstance(said, Sequence):
            _fallbacks(said, f"{name}.{each}", moved)
        else:
            moved.left.append(f"{name}.{each}")


def _aliases(said: Mapping[str, Any], where: str, moved: Moved) -> None:
    for alias, meant in said.items():
        if isinstance(meant, str) and meant in moved.models and alias not in moved.models:
            moved.aliases[alias] = meant
        else:
            moved.left.append(f"{where}.{alias}")


def _fallbacks(said: Sequence[Any], where: str, moved: Moved) -> None:
    """Who is asked next: further targets of the model."""
    pairs = [pair for each in said if isinstance(each, Mapping) for pair in each.items()]
    first = {name: list(model["targets"]) for name, model in moved.models.items()}
    for name, others in pairs:
        for other in others if isinstance(others, list) else [others]:
            if name not in moved.models or other not in first:
                moved.left.append(f"{where}.{name}")
                continue
            targets = moved.models[name]["targets"]
            targets += [target for target in first[other] if target not in targets]
