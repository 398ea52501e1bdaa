"""Variables give what Ansible's own templating gives, and work each one out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.logreflector.aws.plugins.plugin_utils._variables import Variables
from hypothesis import given, settings
from hypothesis import strategies as st


def trusted(value: Any) -> Any:
    """As it comes from a playbook: its texts may be templates."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, Mapping):
        return {trusted(key): trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def templar(variables: Mapping[str, Any]) -> Templar:
    return Templar(loader=DataLoader(), variables=dict(variables))


def resolved(value: Any, /, **variables: Any) -> Any:
    raw = trusted(variables)
    return Variables(templar(raw), raw).resolve(trusted(value))


VARIABLES: dict[str, Any] = {
    "name": "log-reflector",
    "queue": "{{ name }}-dead-letters",
    "size": 256,
    "none": None,
    "on": True,
    "off": "{{ size > 1000 }}",
    "tags": {"a": "{{ name }}", "{{ name }}": ["{{ queue }}", "{{ size }}"]},
    "sum": "{{ size + 1 }}",
    "listed": "{{ [queue, sum] }}",
    "deep": {"deeper": {"text": "{{ listed }}"}},
    "braces": "a } b { c",
    "empty": "",
    "broken": "{{ missing }}",
    "both": {"a": {"b": "{{ sum }}"}, "c": "{{ missing }}"},
}
TEMPLATES = [
    *(f"{{{{ {name} }}}}" for name in VARIABLES if name not in ("broken", "both")),
    "{{name}}",
    "{{   queue   }}",
    "{{ missing | default('x') }}",
    "{{ missing | default({}) }}",
    "{{ missing | default(true) }}",
    "{{ missing | default( false ) }}",
    "{{ missing | default(0.97) }}",
    "{{ tags | default({}) }}",
    "{{ off | default(true) }}",
    "{{ tags | dict2items }}",
    "{{ deep.deeper.text[0] }}",
    "{{ deep['deeper'] }}",
    "{{ name if on else queue }}",
    "{{ 'name' }} and {{ name }}",
    "{% if on %}{{ queue }}{% endif %}",
    "{{ {'name': queue, 'size': sum} }}",
    "{{ deep.deeper.text }}",
    "{{ deep.deeper }}",
    "{{ deep.missing | default('x') }}",
    "{{ deep.keys() | list }}",
    "{{ name }}-x-{{ queue }}",
    "{{ missing | default([]) }}",
    "{{ missing | default(['*']) }}",
    "{{ missing | default( 5 ) }}",
    "{{ name | default('x') }}",
    "{{ broken | default('x') }}",
    "{{ size }}-x",
    "{{ on }} {{ off }}",
    " {{ name }} ",
    "a\n{{ name }}\n",
    "{# nothing #}{{ name }}-x",
    "{{ empty }}{{ empty }}",
    "{{ braces }}{{ name }}",
    "{{ name }}{% if on %}-x{% endif %}",
    "{{ name }}{# nothing #}",
    "{{ name }}-{{ size + 1 }}",
    "{{ name }}\n",
    "{{ both.a.b }}",
    "{{ none }}-{{ name }}",
    "no template",
    "{ not one }",
]
values = st.recursive(
    st.sampled_from(TEMPLATES) | st.none() | st.booleans() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "{{ name }}"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_it_is_what_ansible_makes_of_it(value: Any) -> None:
    raw = trusted(VARIABLES)
    assert Variables(templar(raw), raw).resolve(trusted(value)) == templar(raw).template(trusted(value))


@pytest.mark.parametrize("value", [*TEMPLATES, None, True, 0, 1.5, [None, False], {"a": 7}])
def test_each_of_these_is_what_ansible_makes_of_it(value: Any) -> None:
    raw = trusted(VARIABLES)
    found = Variables(templar(raw), raw).resolve(trusted(value))
    expected = templar(raw).template(trusted(value))
    assert (type(found), found) == (type(expected), expected)


def test_each_variable_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = trusted({"name": "x", "queue": "{{ name }}-letters", "both": "{{ queue ~ queue }}"})
    made = templar(raw)
    asked: list[str] = []

    class Counting:
        available_variables: Any = None

        def template(self, texts: list[str]) -> Any:
            asked.extend(map(str, texts))
            made.available_variables = self.available_variables
            return made.template(texts)

    variables = Variables(Counting(), raw)
    value = trusted(["{{ both }}", "{{ queue }}", "{{ both | upper }}-{{ queue }}", {"a": "{{ queue }}"}])
    assert variables.resolve(value) == [
        "x-lettersx-letters",
        "x-letters",
        "X-LETTERSX-LETTERS-x-letters",
        {"a": "x-letters"},
    ]
    assert sorted(asked) == ["{{ both | upper }}-{{ queue }}", "{{ queue ~ queue }}"]


def test_what_is_left_out_is_left_out() -> None:
    value = {"a": "{{ missing | default(omit) }}", "b": "{{name|default(omit)}}", "c": "{{ indirect }}"}
    assert resolved(value, name="x", indirect="{{ missing | default(omit) }}") == {"b": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "{{ omit }}",
        "{{ 5 if name == 'y' else omit }}",
        "{{ indirect | default(omit) }}",
        "{{ broken | default(omit) }}",
    ],
)
def test_what_an_expression_leaves_out_is_left_out(text: str) -> None:
    variables = {"name": "x", "indirect": "{{ 5 if name == 'y' else omit }}", "broken": "{{ missing }}"}
    assert resolved({"a": text, "b": [text, 1]}, **variables) == {"b": [1]}


class BeforeAnsible219:
    """Of that templar, that it has a word for what is to be left out."""

    available_variables: Any = None

    def template(self, texts: list[str]) -> list[Any]:
        return [{"a": "word", "b": ["word", 1]} if text == "{{ {} }}" else "word" for text in texts]


def test_ansible_before_2_19_has_a_word_for_what_is_left_out() -> None:
    raw = trusted({"x": "{{ omit }}", "y": "{{ 1 + 1 }}"}) | {"omit": "word"}
    value = trusted({"a": "{{ x }}", "b": "{{ y }}", "c": "{{ {} }}"})
    assert Variables(BeforeAnsible219(), raw).resolve(value) == {"c": {"b": [1]}}


def test_of_a_dictionary_only_what_is_named_is_worked_out() -> None:
    assert resolved("{{ all.good }}", all={"good": "{{ 1 }}", "bad": "{{ missing }}"}) == 1


def test_text_from_elsewhere_is_no_template() -> None:
    raw = {"name": "{{ 7 * 7 }}", "theirs": trust_as_template("{{ name }} {{ name }}")}
    found = Variables(templar(raw), raw).resolve(
        {"a": "{{ name }}", "b": trust_as_template("{{ name }}"), "c": trust_as_template("{{ theirs }}")}
    )
    assert found == {"a": "{{ name }}", "b": "{{ 7 * 7 }}", "c": "{{ 7 * 7 }} {{ 7 * 7 }}"}


@pytest.mark.parametrize(
    ("value", "variables", "message"),
    [
        ("{{ missing }}", {}, "missing"),
        ("{{ name }}", {"name": "{{ missing }}"}, "missing"),
        ("{{ name }}-x", {"name": "{{ missing }}"}, "missing"),
        ("{{ a }}", {"a": "{{ b }}", "b": "{{ a }}"}, "ecursi"),
        ("{{ a }} b", {"a": "{{ a }}"}, "ecursi"),
        ("{{ a.b }}", {"a": {"b": "{{ a.b }}"}}, "ecursi"),
        ("{{ name | no_such_filter }}", {"name": "x"}, "no_such_filter"),
        ("{{ name.missing }}", {"name": {"there": 1}}, "missing"),
        ("{{ name.missing }}", {"name": "x"}, "missing"),
        ("{{ name.a.missing }}", {"name": {"a": 1}}, "missing"),
    ],
)
def test_a_mistake_is_told_as_ansible_tells_it(value: str, variables: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleError, match=message):
        resolved(value, **variables)
