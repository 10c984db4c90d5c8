"""What a notification says: which of a tenant's templates speaks, and one line for its subject."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kith.notification.v1.template_pb2 import Template

from services.notification.rules import language
from services.notification.rules.occasions import Occasion

MAX_SUBJECT = 300
"""Characters; mail programs show fewer."""


def best(templates: Iterable[Template], locale: str) -> Template | None:
    """The newest template in the recipient's language, else in one of its kind (`da` for `da-DK`), else in none."""
    wanted = [locale.lower(), locale.lower().partition("-")[0], ""]
    fitting = [template for template in templates if template.locale.lower() in wanted]
    return min(fitting, key=lambda found: (wanted.index(found.locale.lower()), _newest_first(found)), default=None)


def written(source: Template | Occasion, values: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body in plain text; the subject is one line that is not empty.

    Raises:
        language.TemplateError: the template goes beyond its limits, or its subject comes out empty.
    """
    subject = one_line(language.render(source.subject, values))
    if not subject:
        raise language.TemplateError("the subject is empty")
    return subject, language.render(source.body, values).replace("\r\n", "\n").replace("\x00", "")


def one_line(text: str) -> str:
    """The text with every run of white space and control characters as one blank, cut to a subject's length."""
    line = _BREAKS.sub(" ", text).strip()
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1].rstrip() + "…"


def _newest_first(template: Template) -> int:
    return -template.update_time.ToNanoseconds()


_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
