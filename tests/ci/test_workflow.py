"""What the page on CI shows beside the script: the workflow is valid, and the Containerfile copies what exists."""

import io
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "cors_addon" / "docs" / "ci.md").read_text("utf-8")
CONTAINERFILE = ROOT / "scripts" / "Containerfile"


def test_the_workflow_is_valid() -> None:
    pytest.importorskip("check_jsonschema", reason="it is installed with Python 3.12 and newer")
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    (text,) = re.findall(r"```yaml\n(# \.github/workflows/.*?)```", PAGE, re.DOTALL)
    # YAML 1.1 reads `on` as true.
    workflow = {("on" if key is True else key): value for key, value in yaml.safe_load(text).items()}
    jsonschema.validate(workflow, json.loads(schema.read_text("utf-8")))
    steps = workflow["jobs"]["cors"]["steps"]
    assert steps[-1]["with"]["sarif_file"] in PAGE.split("```sh")[1], "the script writes what the workflow uploads"


def test_the_comment_is_what_the_script_writes() -> None:
    (text,) = re.findall(r"```yaml\n(# \.github/workflows/.*?)```", PAGE, re.DOTALL)
    (file,) = re.findall(r"--body-file (\S+)", text)
    assert f"cors_report={file}" in PAGE.split("```sh")[1]


def test_the_containerfile_copies_what_exists_and_starts_the_command() -> None:
    parser = pytest.importorskip("dockerfile_parse", reason="dockerfile-parse is not installed")
    parsed = parser.DockerfileParser(fileobj=io.BytesIO(CONTAINERFILE.read_bytes()))
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim", parsed.baseimage)
    lines = [(each["instruction"], each["value"]) for each in parsed.structure if each["instruction"] != "COMMENT"]
    names = [name for name, _ in lines]
    assert set(names) <= {"FROM", "COPY", "RUN", "USER", "WORKDIR", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert names.index("FROM") == 0
    for value in (value for name, value in lines if name == "COPY"):
        for source in value.split()[:-1]:
            assert (ROOT / source).exists(), source
    for value in (value for name, value in lines if name == "RUN"):
        assert "pip install" not in value or "--no-cache-dir" in value
    (user,) = [value for name, value in lines if name == "USER"]
    assert int(user) > 0, "it does not run as root"
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    assert [json.loads(value) for name, value in lines if name in ("ENTRYPOINT", "CMD")] == [["cors-addon"], ["--help"]]


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_has_nothing_to_say() -> None:
    subprocess.run(["hadolint", str(CONTAINERFILE)], check=True)


@pytest.mark.skipif(not any(map(shutil.which, ("podman", "buildah"))), reason="there is no podman and no buildah")
def test_the_image_builds() -> None:
    tool = "podman" if shutil.which("podman") else "buildah"
    subprocess.run([tool, "build", "-f", str(CONTAINERFILE), str(ROOT)], check=True, timeout=280)
