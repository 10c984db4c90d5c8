"""Command groups whose parts are imported when they are used: `kith proto` must run before there is generated code."""

from __future__ import annotations

import importlib

import click


class LazyGroup(click.Group):
    """A group of commands given as name → ("module:attribute", help line).

    `absent` names commands that exist elsewhere only, each with the reason to be told to who asks for one.
    """

    def __init__(
        self, name: str, parts: dict[str, tuple[str, str]], help: str, absent: dict[str, str] | None = None
    ) -> None:
        super().__init__(name=name, help=help)
        self._parts = parts
        self._absent = absent or {}

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self._parts)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in self._absent:
            raise click.ClickException(self._absent[name])
        if name not in self._parts:
            return None
        module, _, attribute = self._parts[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._parts.items()])
