"""Public names lead somewhere, and to one place each."""

from __future__ import annotations

import pytest
from configs import problem, problems, read

from tollhouse.control import catalogue
from tollhouse.domain.naming import find_public

ECHO = '[providers.echo]\nkind = "echo"\n'
MODELS = ECHO + '[models.m]\ntargets = ["echo:x"]\n[models."gpt-*"]\ntargets = ["echo:*"]\n'


@pytest.mark.req("H-69", "OL-28")
@pytest.mark.parametrize(
    "aliases", ['a = "a"', 'a = "b"\nb = "a"', 'a = "b"\nb = "c"\nc = "d"\nd = "b"']
)
def test_an_alias_that_leads_back_to_itself_is_refused(aliases: str) -> None:
    found = problems(f"{MODELS}[aliases]\n{aliases}")

    assert all(each.key.startswith("aliases.") for each in found)


@pytest.mark.req("H-69")
def test_a_chain_of_aliases_has_an_end() -> None:
    chain = "\n".join(f'a{number} = "a{number + 1}"' for number in range(9)) + '\na9 = "m"'

    assert [each.key for each in problems(f"{MODELS}[aliases]\n{chain}")] == [
        "aliases.a0",
        "aliases.a1",
    ]


@pytest.mark.req("OL-28")
def test_an_alias_of_nothing_is_refused_with_what_may_be_meant() -> None:
    only = problem(f'{MODELS}[models.gpt4o]\ntargets = ["echo:x"]\n[aliases]\nfast = "gpt4p"')

    assert only.key == "aliases.fast"
    assert only.hint == 'Did you mean "gpt4o"?'


def test_an_alias_with_the_name_of_a_model_is_refused() -> None:
    assert problem(f'{MODELS}[aliases]\nm = "gpt-5"').key == "aliases.m"


@pytest.mark.parametrize("alias", ['"a*" = "m"', 'a = "gpt-*"', '"a b" = "m"', '"" = "m"'])
def test_an_alias_is_one_name_for_one(alias: str) -> None:
    assert problem(f"{MODELS}[aliases]\n{alias}").key.startswith("aliases.")


@pytest.mark.req("R-19")
@pytest.mark.parametrize(
    ("asked", "target"),
    [("a", "echo:x"), ("b", "echo:x"), ("c", "echo:gpt-5"), ("gpt-6", "echo:gpt-6")],
)
def test_what_is_written_is_what_is_found(asked: str, target: str) -> None:
    settings = read(f'{MODELS}[aliases]\na = "m"\nb = "a"\nc = "gpt-5"')

    found = find_public(catalogue.names(settings), asked)

    assert found is not None
    assert found.targets[0].name == target


@pytest.mark.parametrize("name", ["*gpt", "g*t", "**", "gpt-* "])
def test_a_star_stands_at_the_end_of_a_name(name: str) -> None:
    assert problem(f'{ECHO}[models."{name}"]\ntargets = ["echo:x"]').key.startswith("models")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ('[models.a]\ntargets = ["echo:*"]', "models.a.targets[0]"),
        ('[models."a*"]\ntargets = ["echo:x", "echo:**"]', 'models."a*".targets[1]'),
        ('[models.a]\ntargets = ["echo:x"]\nstar = "rest"', "models.a.star"),
    ],
)
def test_a_star_stands_for_something(model: str, key: str) -> None:
    assert problem(ECHO + model).key == key


@pytest.mark.req("R-19")
def test_the_longest_beginning_is_tried_first() -> None:
    text = "".join(
        f'[models."{name}"]\ntargets = ["echo:{target}"]\n'
        for name, target in (("*", "any"), ("gpt-5*", "five"), ("gpt-*", "gpt"))
    )

    names = catalogue.names(read(ECHO + text))

    assert [model.name for model in names.wildcards] == ["gpt-5*", "gpt-*", "*"]


def test_targets_with_a_weight_come_before_those_without() -> None:
    text = '[models.m]\ntargets = ["echo:last", "echo:a weight=3", "echo:b  weight=1"]'

    model = catalogue.names(read(ECHO + text)).models["m"]

    assert [target.model for target in model.targets] == ["a", "b", "last"]
    assert model.weights == (3, 1)


@pytest.mark.parametrize(
    "target", ["echo:a weight=0", "echo:a weight=-1", "echo:a weight=x", "echo:a w=1", "echo:a b",
               "echo:a weight=10000", "echo:a weight=1 weight=2", "echo: weight=1"]
)  # fmt: skip
def test_a_weight_is_a_small_whole_number(target: str) -> None:
    assert (
        problem(f'{ECHO}[models.m]\ntargets = ["echo:x", "{target}"]').key == "models.m.targets[1]"
    )
