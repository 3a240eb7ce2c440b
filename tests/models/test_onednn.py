"""Packed layers compute what plain ones do, and give their weights back."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from riffkit.models.lora import Layer, with_layers
from riffkit.models.onednn import _Packed, can_pack, n_weights, pack, sharing_copy

pytestmark = pytest.mark.skipif(not can_pack(torch.float32), reason="needs oneDNN on x86")


class Small(nn.Module):
    """Convolutions of all the kinds that a UNet has, and a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(9, 24, 3, padding=1)
        self.down = nn.Conv2d(24, 40, 3, stride=2, padding=1)
        self.narrow = nn.Conv2d(40, 17, 1, bias=False)
        self.last = nn.Linear(17, 33)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.narrow(self.down(self.first(hidden)).sigmoid())
        found: Tensor = self.last(hidden.permute(0, 2, 3, 1))
        return found


@pytest.fixture
def plain() -> Small:
    torch.manual_seed(3)
    return Small().requires_grad_(False)


@pytest.fixture
def packed(plain: Small) -> Small:
    """Used once, so that nothing is left of its weights' rows."""
    network = deepcopy(plain)
    pack(network)
    painted(network)
    assert [name for name, _ in network.named_parameters()] == [
        "first.bias",
        "down.bias",
        "last.bias",
    ]
    return network


def painted(network: nn.Module, *, rows: int = 16, columns: int = 8) -> Tensor:
    with torch.no_grad():
        shape = (2, 9, rows, columns)
        found: Tensor = network(torch.randn(shape, generator=torch.Generator().manual_seed(1)))
    return found


@pytest.mark.parametrize("columns", [8, 21, 64])
def test_it_computes_the_same_at_any_size(plain: Small, packed: Small, columns: int) -> None:
    expected = painted(plain, columns=columns)
    torch.testing.assert_close(painted(packed, columns=columns), expected, atol=1e-5, rtol=0)


def test_what_it_saw_before_changes_nothing(plain: Small, packed: Small) -> None:
    """The same input gives the same bits, whatever the size of the one before."""
    before = painted(packed)
    for columns in (21, 64, 9):
        painted(packed, columns=columns)
    assert torch.equal(painted(packed), before)
    assert torch.equal(packed.down.weight, plain.down.weight)


def test_weights_come_back_bit_equal(plain: Small, packed: Small) -> None:
    state = packed.state_dict()
    assert state.keys() == plain.state_dict().keys()
    for name, weight in plain.state_dict().items():
        assert torch.equal(state[name], weight), name
    assert torch.equal(packed.down.weight, plain.down.weight)
    assert n_weights(packed) == n_weights(plain) == sum(p.numel() for p in plain.parameters())


def test_a_lora_is_added_to_packed_weights(plain: Small, packed: Small) -> None:
    before = painted(packed)
    layers = {
        "down": Layer(torch.randn(2, 24 * 9), torch.randn(40, 2), 0.1),
        "last": Layer(torch.randn(2, 17), torch.randn(33, 2), 0.1),
    }
    tuned = with_layers(packed, layers, 0.5, name="x")
    expected = painted(with_layers(plain, layers, 0.5, name="x"))
    torch.testing.assert_close(painted(tuned), expected, atol=1e-5, rtol=0)
    assert torch.equal(painted(packed), before)
    assert tuned.first.packed is packed.first.packed  # the rest is shared


def test_a_copy_takes_no_memory(packed: Small) -> None:
    copy = sharing_copy(packed)
    pairs = zip(copy.modules(), packed.modules(), strict=True)
    assert all(a.packed is b.packed for a, b in pairs if isinstance(a, _Packed))


def test_gradients_find_plain_weights(plain: Small) -> None:
    pack(plain)
    plain.requires_grad_(True)
    plain(torch.randn(1, 9, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in plain.parameters())
