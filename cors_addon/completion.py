"""Shell completion for ``cors-addon``: one script for each shell, made from the command line's own parser."""

import argparse
from typing import Final

SHELLS: Final = ("bash", "zsh", "fish")


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a shell, one of ``SHELLS``."""
    match shell:
        case "bash":
            return _bash(parser)
        case "zsh":
            return f"#compdef cors-addon\nautoload -U +X bashcompinit && bashcompinit\n{_bash(parser)}"
        case _:
            return _fish(parser)


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings and action.help != argparse.SUPPRESS]


def _bash(parser: argparse.ArgumentParser) -> str:
    """Complete commands, options, and the values of options that have a list; else files."""
    commands = _commands(parser)
    lines = ["_cors_addon() {", "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words="]
    lines.append('  case "${COMP_WORDS[1]}:$before" in')
    for name, command in commands.items():
        for action in _options(command):
            if action.choices:
                patterns = "|".join(f"{name}:{option}" for option in action.option_strings)
                lines.append(f'    {patterns}) words="{" ".join(map(str, action.choices))}" ;;')
    lines.append("    *)")
    lines.append("      if [ $COMP_CWORD -eq 1 ]; then")
    lines.append(f'        words="{" ".join([*commands, *_strings(parser)])}"')
    lines.append('      elif [ "${current#-}" != "$current" ]; then')
    lines.append('        case "${COMP_WORDS[1]}" in')
    lines += [f'          {name}) words="{" ".join(_strings(command))}" ;;' for name, command in commands.items()]
    lines += ["        esac", "      fi ;;", "  esac"]
    lines.append('  COMPREPLY=($(compgen -W "$words" -- "$current"))')
    lines += ["}", "complete -o default -F _cors_addon cors-addon", ""]
    return "\n".join(lines)


def _strings(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in _options(parser) for option in action.option_strings]


def _fish(parser: argparse.ArgumentParser) -> str:
    lines = []
    commands = _commands(parser)
    for name in commands:
        lines.append(f"complete -c cors-addon -n __fish_use_subcommand -f -a {name}")
    for name, command in commands.items():
        for action in _options(command):
            names = " ".join(
                f"-{'l' if option.startswith('--') else 's'} {option.lstrip('-')}" for option in action.option_strings
            )
            values = f" -x -a '{' '.join(map(str, action.choices))}'" if action.choices else ""
            lines.append(f"complete -c cors-addon -n '__fish_seen_subcommand_from {name}' {names}{values}")
    return "\n".join([*lines, ""])
