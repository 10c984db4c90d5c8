"""Templates stay within their limits, whatever a tenant writes."""

from __future__ import annotations

import time

import pytest

from services.notification.rules import language

POISON = {
    "an endless loop": "{% for i in (1..1000000000) %}x{% endfor %}",
    "nested loops": "{% for i in (1..40) %}{% for j in (1..60) %}x{% endfor %}{% endfor %}",
    "a joined range": "{{ (1..1000000000) | join: ',' }}",
    "a text that doubles": "{% assign x = 'aaaa' %}{% for i in (1..40) %}{% assign x = x | append: x %}{% endfor %}",
    "a number that squares": "{% assign x = 99 %}{% for i in (1..60) %}{% assign x = x | times: x %}{% endfor %}",
    "a text replaced by itself": "{% assign x = '" + "a" * 4000 + "' %}{{ x | replace: 'a', x }}",
    "a file": "{% include 'secrets' %}",
    "another file": "{% render 'secrets' %}",
    "deep nesting": "{% if x %}" * 200 + "{% endif %}" * 200,
    "deep brackets": "{{ " + "[" * 20_000 + " }}",
    "much output": "{% for i in (1..1999) %}" + "x" * 100 + "{% endfor %}",
}


@pytest.mark.parametrize("source", POISON.values(), ids=POISON)
def test_poison_is_refused_at_once(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(language.TemplateError):
        language.render(source, {})
    assert time.monotonic() - began < 1


def test_a_mistake_is_told_with_its_line() -> None:
    for source, said in {
        "one\ntwo {{ x": "line 2: ",
        "\n\n{{ x | shout }}": "line 3: unknown filter 'shout'",
        "{% if x %}\n\n": "line 3: expected tag endif",
        "{{ 1 | divided_by: 0 }}": "line 1: divided_by",
    }.items():
        with pytest.raises(language.TemplateError) as wrong:
            language.check(source)
        assert str(wrong.value).startswith(said)


def test_what_is_not_known_is_empty() -> None:
    assert language.render("<{{ record.a.b.c }}{% for i in record.list %}x{% endfor %}>", {}) == "<>"


def test_a_template_reads_records_as_json_has_them() -> None:
    values = {"record": {"givenName": "Ada", "tags": ["b", "a"], "lines": [{"product": "p"}]}}
    source = "{{ record.givenName | upcase }} {{ record.tags | sort | join: '+' }} {{ record.lines[0].product }}"
    assert language.render(source, values) == "ADA a+b p"


def test_python_is_out_of_reach() -> None:
    source = "{{ record.__class__ }}{{ record.givenName.__class__ }}{{ record.keys }}{{ record.items }}"
    assert language.render(source, {"record": {"givenName": "Ada"}}) == ""
