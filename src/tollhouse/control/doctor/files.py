"""Checks of files: who can read secrets, who can change what the gateway does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from stat import S_ISVTX

from tollhouse.config.warning import exposed_files
from tollhouse.control import auditing
from tollhouse.control.doctor.finding import Check, Ill, Mend, Severity, lines
from tollhouse.control.doctor.seen import Seen
from tollhouse.control.peppers import pepper_path

OTHERS = 0o077
OTHERS_WRITE = 0o022
WORLD = 0o007
ENV = ".env"


def _secret_files(seen: Seen) -> Iterator[Ill]:
    for key, path in exposed_files(seen.settings):
        yield Ill(f"{key}: {path} can be read by others", _chmod("600", path))
    pepper = pepper_path(seen.settings)
    if not seen.settings.auth.peppers and _mode(pepper) & OTHERS:
        yield Ill(f"the pepper {pepper} can be read by others", _chmod("600", pepper))
    if (env := _env_file(seen)) and _mode(env) & OTHERS:
        yield Ill(f"{env} can be read by others", _chmod("600", env))


def _env_file_tracked(seen: Seen) -> Iterator[Ill]:
    env = _env_file(seen)
    if env is None:
        return
    repository = next((each for each in env.parents if (each / ".git").exists()), None)
    if repository is not None and not _is_ignored(env, repository):
        ignoring = f"echo {ENV} >> {quote(str(env.parent / '.gitignore'))}"
        yield Ill(f"{env} is in a repository that does not ignore it", Mend(command=ignoring))


def _env_file(seen: Seen) -> Path | None:
    path = seen.file.absolute().with_name(ENV) if seen.file else None
    return path if path is not None and path.is_file() else None


def _is_ignored(env: Path, repository: Path) -> bool:
    """By a line that names it, here or above; cleverer patterns are not understood."""
    named = {ENV, f"/{ENV}", f"{ENV}*", "*.env", f"**/{ENV}"}
    for directory in (each for each in env.parents if each.is_relative_to(repository)):
        try:
            rows = (directory / ".gitignore").read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        if named & {row.strip() for row in rows}:
            return True
    return False


def _config_writable(seen: Seen) -> Iterator[Ill]:
    if seen.file is None:
        return
    file = seen.file.absolute()
    if _mode(file) & OTHERS_WRITE:
        yield Ill(f"{file} can be written by others", _chmod("go-w", file))
    around = _mode(file.parent)
    if around & OTHERS_WRITE and not around & S_ISVTX:
        found = f"{file.parent}, where the settings are, can be written by others"
        yield Ill(found, _chmod("go-w", file.parent))


def _config_readable(seen: Seen) -> Iterator[Ill]:
    if seen.file is not None and _mode(seen.file) & WORLD:
        file = seen.file.absolute()
        yield Ill(f"{file} can be read by everybody here", _chmod("o-rwx", file))


def _data_open(seen: Seen) -> Iterator[Ill]:
    """Its own files, and those of the store and the log where they are elsewhere."""
    settings = seen.settings
    places = [settings.data_dir, auditing.directory(settings)]
    if settings.sqlite_file is not None and settings.sqlite_file.parent != settings.data_dir:
        places.append(settings.sqlite_file)
    for path in places:
        if _mode(path) & OTHERS:
            mode = "700" if path.is_dir() else "600"
            yield Ill(f"{path} is open to others", _chmod(mode, path))


def _audit_key_beside_log(seen: Seen) -> Iterator[Ill]:
    settings = seen.settings
    key, log = settings.at(settings.audit.key), auditing.directory(settings)
    if key.absolute().parent not in (log.absolute(), log.absolute().parent):
        return
    apart = _apart(seen) / key.name
    moving = _moving(seen, key, f"{key}.pub") if key.exists() else None
    found = f"the key {key} lies beside the log that it signs"
    yield Ill(found, Mend(lines(("audit",), key=str(apart)), moving))


def _pepper_beside_store(seen: Seen) -> Iterator[Ill]:
    auth, pepper = seen.settings.auth, pepper_path(seen.settings)
    if auth.peppers or not pepper.exists():
        return
    place = f"file:{_apart(seen) / pepper.name}"
    given = lines(("auth", "peppers"), **{str(auth.pepper_version): place})
    found = f"the pepper {pepper} lies beside the store whose keys it protects"
    yield Ill(found, Mend(given, _moving(seen, pepper)))


def _apart(seen: Seen) -> Path:
    data = seen.settings.data_dir.absolute()
    return data.with_name(f"{data.name}-keys")


def _moving(seen: Seen, *files: Path | str) -> str:
    apart = quote(str(_apart(seen)))
    named = " ".join(quote(str(file)) for file in files)
    return f"mkdir -p -m 700 {apart} && mv {named} {apart}/"


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _chmod(mode: str, path: Path) -> Mend:
    return Mend(command=f"chmod {mode} {quote(str(path))}")


CHECKS = (
    Check(
        "secret-files",
        Severity.UNSAFE,
        "Every user of this machine has the secret.",
        ("develop-secrets", "deploy-secrets"),
        _secret_files,
    ),
    Check(
        "env-file-tracked",
        Severity.UNSAFE,
        "The next commit gives the secrets to everybody with the repository, for ever.",
        ("develop-env-ignored",),
        _env_file_tracked,
    ),
    Check(
        "config-writable",
        Severity.UNSAFE,
        "Whoever writes the settings sends the provider keys where they like.",
        ("deploy-least-privilege",),
        _config_writable,
    ),
    Check(
        "config-readable",
        Severity.ADVICE,
        "It holds no secret, but tells where everything is.",
        ("deploy-least-privilege",),
        _config_readable,
    ),
    Check(
        "data-open",
        Severity.UNSAFE,
        "The store and the log name callers, amounts and addresses; whoever writes them writes the books.",
        ("deploy-least-privilege", "deploy-audit"),
        _data_open,
    ),
    Check(
        "audit-key-beside-log",
        Severity.UNFINISHED,
        "Who takes the directory can change the log and sign it anew.",
        ("deploy-audit",),
        _audit_key_beside_log,
    ),
    Check(
        "pepper-beside-store",
        Severity.ADVICE,
        "One backup or one thief has both halves of what proves a key.",
        ("deploy-secrets", "operate-backups"),
        _pepper_beside_store,
    ),
)
