"""URLs of handed-in work, as Canvas validates them."""

from urllib.parse import urlsplit

from simulator.refusals import model_error


def normalized(url: str | None) -> str | None:
    """Give the URL to store: blank is None, a missing scheme becomes http.

    Raises
    ------
    RefusedError
        422 in the shape of a model error, when it cannot be a web address
    """
    if url is None or not url.strip():
        return None
    bare = url.strip()
    if "://" not in bare:
        bare = f"http://{bare}"
    try:
        parts = urlsplit(bare)
    except ValueError:
        raise model_error("url", "is not a valid URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or any(letter.isspace() for letter in bare):
        raise model_error("url", "is not a valid URL")
    return bare
