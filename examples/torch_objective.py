"""Minimize a function written in PyTorch.

x arrives as a NumPy array; value and gradient may be tensors, as long as NumPy can convert the
gradient, that is, on the CPU and detached. The loop calls Python for each evaluation, which a
costly function hides. Needs ``pip install torch``.
"""

import torch

from fastmomentum import minimize


def huber(x, features, target):
    """Mean Huber loss of a linear model, and its gradient."""
    weights = torch.from_numpy(x).to(features.device).requires_grad_()
    loss = torch.nn.functional.huber_loss(features @ weights, target)
    (gradient,) = torch.autograd.grad(loss, weights)
    return loss, gradient.cpu()


def main():
    generator = torch.Generator().manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    features = torch.randn(500, 5, generator=generator, dtype=torch.float64)
    noise = torch.randn(500, generator=generator, dtype=torch.float64)
    target = features @ torch.arange(5.0, dtype=torch.float64) + 0.1 * noise
    data = (features.to(device), target.to(device))
    result = minimize(huber, [0.0] * 5, args=data, jac=True)
    print(result.message, result.x.round(2), f"{result.nfev} evaluations")


if __name__ == "__main__":
    main()
