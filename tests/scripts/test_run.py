import environment
import pytest
import run


def test_everything_is_handed_to_the_environments_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(environment, "ensure", lambda: environment.Environment("/made", "3.13.0"))
    monkeypatch.setattr(environment, "start", commands.append)
    words = ["mitmdump", "--browser", "http://localhost:5173/", "-p", "9090"]
    run.work(words)
    assert commands == [[environment.Environment("/made", "3.13.0").tool("cors-addon"), "run", *words]]
