"""Which build of PyTorch can use which card with which driver."""

from __future__ import annotations

import pytest

from runner.machine.cuda import Obstacle, TorchBuild, fitting, install_line, least_driver, obstacle

CU130 = TorchBuild("2.13.0", "13.0")
CU126 = TorchBuild("2.13.0+cu126", "12.6")
CPU = TorchBuild("2.13.0+cpu")


def judged(
    build: TorchBuild, capability: tuple[int, int] | None, driver: str | None, cuda: str | None
) -> Obstacle | None:
    return obstacle(build, "NVIDIA Card", capability, driver, cuda)


@pytest.mark.parametrize(
    ("build", "capability", "driver", "cuda"),
    [
        (CU130, (8, 9), "580.65.06", "13.0"),
        (CU130, (7, 5), "595.10", "13.2"),
        # Code for 12.0 runs on 12.1 (GB10), that for 8.6 on 8.9.
        (CU130, (12, 1), "580.95", "13.0"),
        (CU126, (6, 1), "525.60.13", "12.0"),
        (CU126, (8, 0), "470.1", "12.4"),
        (CU130, None, None, None),
        # The libraries for forward compatibility of a container: an old driver that runs newer CUDA, and says so.
        (CU130, (9, 0), "535.161.08", "13.0"),
        # A build of one's own: only the library itself knows what it has code for.
        (TorchBuild("2.9.0a0+50eac811a6.nv25.09", "13.0"), (7, 0), "580.1", "13.0"),
        (TorchBuild("2.14.0", "14.1"), (9, 0), "610.1", None),
    ],
)
def test_nothing_speaks_against_it(
    build: TorchBuild, capability: tuple[int, int] | None, driver: str | None, cuda: str | None
) -> None:
    assert judged(build, capability, driver, cuda) is None


@pytest.mark.parametrize(
    ("build", "capability", "driver", "cuda", "words", "backend"),
    [
        (CU130, (8, 9), "550.54.15", "12.4", "too old", "cu126"),
        (CU130, (8, 9), "550.54.15", None, "too old", "cu126"),
        (CU130, (12, 0), "570.86.10", "12.8", "too old", "cu129"),
        (CU130, (7, 0), "580.65.06", "13.0", "has no code for it", "cu126"),
        (CU130, (6, 1), "550.54.15", "12.4", "has no code for it", "cu126"),
        (CU126, (12, 0), "580.65.06", "13.0", "has no code for it", ""),
        (CPU, (8, 9), "580.65.06", "13.0", "no CUDA in it", ""),
        (CPU, (6, 0), "535.1", "12.2", "no CUDA in it", "cu126"),
        (TorchBuild("2.13.0+rocm7.1", None, "7.1"), (8, 9), "580.1", "13.0", "AMD", ""),
    ],
)
def test_what_is_in_the_way_comes_with_the_command_that_helps(
    build: TorchBuild,
    capability: tuple[int, int],
    driver: str,
    cuda: str | None,
    words: str,
    backend: str,
) -> None:
    found = judged(build, capability, driver, cuda)
    assert found is not None
    assert words in found.what
    assert found.command.endswith("torch==2.13.0")
    assert (f"--torch-backend={backend} " in found.command) is bool(backend)
    assert (backend or "cu130") in found.fix


def test_an_old_driver_may_also_be_updated_but_not_a_card() -> None:
    old = judged(CU130, (8, 9), "550.54.15", "12.4")
    card = judged(CU130, (7, 0), "580.65.06", "13.0")
    assert old is not None
    assert card is not None
    assert "driver to 580" in old.fix
    assert "driver" not in card.fix


def test_where_no_build_runs_on_the_driver_both_are_replaced() -> None:
    found = judged(CU130, (6, 1), "470.256.02", "11.4")
    assert found is not None
    assert "driver to 525" in found.fix
    assert "cu126" in found.fix


def test_a_card_that_no_build_knows_gets_no_command() -> None:
    found = judged(CU130, (3, 5), "470.256.02", "11.4")
    assert found is not None
    assert found.command == ""
    assert "another GPU" in found.fix


def test_what_the_library_says_counts_before_the_table() -> None:
    ptx = TorchBuild("2.13.0", "12.9", architectures=("sm_90", "compute_90"))
    assert judged(ptx, (12, 0), "580.1", "13.0") is None
    assert judged(ptx, (8, 6), "580.1", "13.0") is not None
    assert (
        judged(TorchBuild("2.13.0", "13.0", architectures=("sm_70", "sm_90a")), (7, 0), "580.1", "13.0")
        is None
    )


def test_each_offered_build_has_a_least_driver_and_is_installed_by_name() -> None:
    assert (least_driver("13.0"), least_driver("12.6"), least_driver("99.1")) == (580, 525, None)
    assert fitting((7, 0), "580.1", "13.0") == "12.6"
    assert fitting(None, None, None) == "13.0"
    assert install_line(TorchBuild("2.11.0+cu128", "12.8"), "12.6").endswith("torch==2.11.0")
    assert install_line(TorchBuild("unknown"), "13.0").endswith("torch")
