"""What the page on CI shows beside the script: the workflow is valid, and the Containerfile copies what exists."""

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


def test_the_containerfile_copies_what_exists_and_starts_the_command() -> None:
    lines = [line for line in CONTAINERFILE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    known = {"FROM", "COPY", "RUN", "USER", "WORKDIR", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in lines} <= known
    for line in lines:
        name, *words = line.split()
        for source in words[:-1] if name == "COPY" else ():
            assert (ROOT / source).exists(), source
    (entry,) = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("ENTRYPOINT")]
    assert entry == ["cors-addon"]


@pytest.mark.skipif(not any(map(shutil.which, ("podman", "buildah"))), reason="there is no podman and no buildah")
def test_the_image_builds() -> None:
    tool = "podman" if shutil.which("podman") else "buildah"
    subprocess.run([tool, "build", "-f", str(CONTAINERFILE), str(ROOT)], check=True, timeout=280)
