"""The scaling model: its networks have the published sizes, and its times are those of a computation by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import scaling_model
from benchmarks.report import table
from benchmarks.scaling_model import CLUSTERS, NVLINK, TCP_HOP, Cluster, computing, least_batch, step
from benchmarks.scaling_networks import NETWORKS, Layer, Network, linear
from snntrain.config.validate import validate
from snntrain.training.job import build, world
from tests.docs.documents import ROOT

OURS, PAPERS, RESNET, SPIKFORMER, LARGE = NETWORKS
EIGHT, INFINIBAND, ETHERNET = CLUSTERS


@pytest.mark.parametrize(
    ("network", "millions"), [(RESNET, 12.63), (SPIKFORMER, 9.32), (LARGE, 66.34)], ids=lambda value: str(value)[:20]
)
def test_a_network_has_as_many_parameters_as_its_paper_says(network: Network, millions: float) -> None:
    assert network.parameters / 1e6 == pytest.approx(millions, rel=1e-3)


@pytest.mark.parametrize(
    ("network", "overrides"),
    [(OURS, ()), (PAPERS, ("network.channels=[128,128]", "network.hidden=[2048]"))],
    ids=["default", "paper"],
)
def test_a_csnn_has_the_parameters_and_normalisations_of_snntrains(
    network: Network, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    from benchmarks.tasks import mnist_root

    root, _ = mnist_root(tmp_path, 100)
    (config,) = validate(["dataset=mnist", f"dataset.root={root}", "trainer.device=cpu", *overrides])
    job = build.prepare(config, world.decide(config.trainer))
    assert sum(parameter.numel() for parameter in job.model.parameters()) == network.parameters
    norms = [module for module in job.model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == network.normalised


def test_an_all_reduce_takes_its_latency_and_the_bytes_of_a_ring() -> None:
    # Eight GPUs: 4.4 us and 2 x 7 hops of 0.52 us; each sends 7/8 of the bytes twice.
    assert EIGHT.latency() == pytest.approx(11.68e-6)
    assert EIGHT.all_reduce(370e9) == pytest.approx(1.75 + 11.68e-6)
    # Four nodes: 2 x (7 hops of 0.936 us and 2 of 5 us).
    assert INFINIBAND.latency() == pytest.approx(4.4e-6 + 2 * (7 * 0.936e-6 + 2 * 5e-6))
    assert ETHERNET.all_reduce(12.5e9 * 370 / 450) == pytest.approx(2 * 31 / 32 + ETHERNET.latency())


def test_a_step_is_the_sum_of_its_parts() -> None:
    # One layer of 10^9 products and a million normalised outputs, T = 2, 100 images.
    network = Network("one", [Layer(10**7, 10**9, 10**6, normalised=10)], T=2, batch=100)
    # 6 operations a product at 395.6 T/s; 36 bytes an output at 2.68 TB/s.
    busy = 6 * 2 * 100 * 1e9 / 395.6e12 + 36 * 1e6 * 2 * 100 / 2.68e12
    assert computing(network, 100) == pytest.approx(busy)
    found = step(network, EIGHT, 100)
    assert found.gradients == pytest.approx(11.68e-6 + 1.75 * 4e7 / 370e9)
    # 21 numbers of 8 bytes and 20 of 4.
    assert found.normalisations == pytest.approx(2 * 11.68e-6 + 1.75 * (168 + 80) / 370e9)
    assert found.agreement == pytest.approx(14 * TCP_HOP)
    assert found.seconds == pytest.approx(busy + found.gradients + found.normalisations)
    assert found.limit == "gradients"


def test_an_agreement_runs_beside_the_gpu_and_only_the_longer_of_both_counts() -> None:
    network = Network("tiny", [linear(10, 10)], T=1, batch=1)
    found = step(network, EIGHT, 1)
    assert found.computing == pytest.approx(14 * 2e-6)
    assert found.seconds == found.agreement
    assert found.limit == "agreement"


def test_overlap_hides_gradients_behind_the_backward_pass_except_the_last_part() -> None:
    cluster = Cluster("two", 1, 2, NVLINK)
    network = Network("large", [Layer(10**8, 10**9, 0)], T=1, batch=64)
    plain, overlapped = (step(network, cluster, 64, overlapped=way) for way in (False, True))
    last = cluster.all_reduce(25 * 2**20)
    assert overlapped.hidden == pytest.approx(min(plain.gradients - last, 2 / 3 * plain.computing))
    assert overlapped.seconds == pytest.approx(plain.seconds - overlapped.hidden)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_least_batch_is_the_first_that_is_efficient_enough(network: Network) -> None:
    for cluster in CLUSTERS:
        batch = least_batch(network, cluster, 0.9)
        assert batch is not None
        assert step(network, cluster, batch).efficiency >= 0.9
        assert batch == 1 or step(network, cluster, batch - 1).efficiency < 0.9


def test_a_batch_that_no_size_makes_efficient_is_reported_as_never() -> None:
    decoding = Network("decoding", [linear(10, 10)], T=1, batch=1, resident=False)
    assert least_batch(decoding, EIGHT, 0.9) is None


def test_the_page_shows_the_tables_of_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "several_devices.md").read_text(encoding="utf-8")
    scaling_model.main(["--markdown"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) > 20
    assert [line for line in lines if line not in page.splitlines()] == []
    assert table(scaling_model.sections()[0]) in page
