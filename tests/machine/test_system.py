"""Native, container, WSL2, Slurm: told by the files and variables of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.machine import system


@pytest.mark.parametrize(
    ("files", "environment", "kind", "job"),
    [
        ({"proc/sys/kernel/osrelease": "6.8.0-45-generic\n"}, {}, "native", ""),
        ({"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n"}, {}, "WSL2", ""),
        ({"proc/sys/kernel/osrelease": "5.15.1-microsoft-standard-WSL2\n", ".dockerenv": ""}, {}, "WSL2", ""),
        ({".dockerenv": ""}, {}, "container", ""),
        ({"run/.containerenv": 'engine="podman"\n'}, {}, "container", ""),
        ({}, {"APPTAINER_CONTAINER": "/images/torch.sif", "SLURM_JOB_ID": "4711"}, "container", "4711"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "container", ""),
        ({}, {"SLURM_JOB_ID": "4711"}, "native", "4711"),
    ],
)
def test_each_is_told(
    tmp_path: Path, files: dict[str, str], environment: dict[str, str], kind: str, job: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = system.read(tmp_path, environment)
    assert (found.kind, found.job) == (kind, job)


def test_its_name_is_that_of_the_distribution(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_bytes(b'ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04.1 LTS \xff"\n')
    assert system.read(tmp_path, {}).name.startswith("Ubuntu 24.04.1 LTS")
    assert system.read(tmp_path / "nothing", {}).name.startswith("Linux")
