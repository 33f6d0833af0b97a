"""The providers that keep files, as the settings name them."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.config import Settings
from tollhouse.domain.batches import TASKS
from tollhouse.pipeline.house import Shelves
from tollhouse.ports import Database, Dialect, FileKeeper, Provider


def shelves(
    settings: Settings,
    store: Database,
    providers: Mapping[str, Provider],
    spoken: Mapping[str, Dialect],
) -> Shelves:
    keepers = {
        name: provider
        for name, provider in providers.items()
        if settings.providers[name].keeps_files and isinstance(provider, FileKeeper)
    }
    return Shelves(
        store,
        keepers,
        {url: spoken[task] for url, task in TASKS.items()},
        settings.files.max_files,
        settings.files.max_bytes,
        settings.files.max_batch_lines,
        settings.server.max_body_bytes,
    )
