"""The rules in force as a table."""

from .injection import Injection


def rule_rows(injection: Injection) -> list[list[str]]:
    """Return a row for each rule, below those a row for the switch and for each line of what is wrong with the file."""
    rows = [["rule", "state", "hosts", "pages", "preflight"]]
    for rule in injection.rules.rules:
        state = "dry run" if rule.dry_run else "on" if rule.enabled else "off"
        hosts = ", ".join(host.text for host in rule.hosts)
        patterns = rule.origins.patterns
        pages = "any" if patterns is None else ", ".join(pattern.text for pattern in patterns)
        rows.append([rule.name, state, hosts, pages, rule.simulate or rule.preflight.value])
    rows.append(["", injection.state(), "", "", ""])
    if injection.file.trouble:
        rows += [["", line, "", "", ""] for line in injection.file.trouble.splitlines()]
    return rows
