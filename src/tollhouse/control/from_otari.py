"""An otari gateway's configuration, said in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tollhouse.control.importing import Moved, of_kind
from tollhouse.domain.errors import FieldInvalid

# By otari's word for a provider: our kind, and the variable that its key is in if nothing is said.
KINDS = {
    "openai": ("openai", "OPENAI_API_KEY"),
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY"),
    "gemini": ("gemini", "GEMINI_API_KEY"),
    "mistral": ("mistral", "MISTRAL_API_KEY"),
    "groq": ("groq", "GROQ_API_KEY"),
    "deepseek": ("deepseek", "DEEPSEEK_API_KEY"),
    "xai": ("xai", "XAI_API_KEY"),
    "openrouter": ("openrouter", "OPENROUTER_API_KEY"),
    "together": ("together", "TOGETHER_API_KEY"),
    "fireworks": ("fireworks", "FIREWORKS_API_KEY"),
    "cohere": ("cohere", "COHERE_API_KEY"),
    "cerebras": ("cerebras", "CEREBRAS_API_KEY"),
    "perplexity": ("perplexity", "PERPLEXITY_API_KEY"),
    "huggingface": ("huggingface", "HF_TOKEN"),
    "sambanova": ("sambanova", "SAMBANOVA_API_KEY"),
    "moonshot": ("moonshot", "MOONSHOT_API_KEY"),
    "nebius": ("nebius", "NEBIUS_API_KEY"),
    "ollama": ("ollama", ""),
    "vllm": ("vllm", ""),
    "lmstudio": ("lm-studio", ""),
    "llamacpp": ("llama-cpp", ""),
}
RATES = {
    "input_price_per_million": "input",
    "output_price_per_million": "output",
    "cache_read_price_per_million": "cache-read",
    "cache_write_price_per_million": "cache-write",
}
CARRIED = {"api_key", "api_base", "provider_type"}

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def otari(config: Any) -> Moved:
    """A model is called `provider:model` there: so it is here. Raises FieldInvalid if it is none."""
    if not isinstance(config, Mapping) or not isinstance(config.get("providers"), Mapping):
        raise FieldInvalid("This is no otari configuration: it has no providers.", param="file")
    moved = Moved()
    for name, said in config["providers"].items():
        _provider(str(name), said if isinstance(said, Mapping) else {}, moved)
    pricing = config.get("pricing")
    for target, rates in (pricing if isinstance(pricing, Mapping) else {}).items():
        _price(str(target), rates, moved)
    moved.left += [str(name) for name in config if name not in ("providers", "pricing")]
    return moved


def _provider(name: str, said: Mapping[str, Any], moved: Moved) -> None:
    where, vendor = f"providers.{name}", str(said.get("provider_type") or name)
    if vendor not in KINDS or not _NAME.fullmatch(name):
        moved.left.append(f"{where}: set it up by hand, see `tollhouse providers list`")
        return
    kind, variable = KINDS[vendor]
    url, key = said.get("api_base"), _key(said.get("api_key"), variable, where, moved)
    if _REFERENCE.search(str(url)):
        moved.left.append(f"{where}: its URL is not in the file")
        return
    table = of_kind(kind, url, key, where, moved)
    if table is not None:
        moved.providers[name] = table
        moved.models[f"{name}:*"] = {"targets": [f"{name}:*"], "star": "rest"}
    moved.left += [f"{where}.{each}" for each in said if each not in CARRIED]


def _key(said: Any, variable: str, where: str, moved: Moved) -> str:
    """A key that stands in the file is not repeated."""
    if said is None:
        return f"env:{variable}" if variable else ""
    if reference := _REFERENCE.fullmatch(str(said)):
        return f"env:{reference[1]}"
    variable = variable or "UPSTREAM_API_KEY"
    moved.left.append(f"{where}.api_key: it stands there in clear; put it into {variable}")
    return f"env:{variable}"


def _price(target: str, rates: Any, moved: Moved) -> None:
    where = f"pricing.{target}"
    if not isinstance(rates, Mapping) or target.partition(":")[0] not in moved.providers:
        moved.left.append(where)
        return
    known = {option: rates[name] for name, option in RATES.items() if rates.get(name) is not None}
    moved.price(target, known, 1, where)
    moved.left += [f"{where}.{each}" for each in rates if each not in RATES]
