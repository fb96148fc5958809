import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from canvas_box.canvas_harness import Canvas, Scene


@pytest.fixture(scope="session")
def private_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def canvas(private_key: RSAPrivateKey) -> Canvas:
    return Canvas(private_key)


@pytest.fixture
def old_canvas(private_key: RSAPrivateKey) -> Canvas:
    """Canvas of 2021-22."""
    canvas = Canvas(private_key)
    canvas.order("switch", generation="old")
    return canvas


@pytest.fixture
def scene(canvas: Canvas) -> Scene:
    return canvas.prepare()
