import json

from command_line.running import Operator


def test_the_first_key_is_made_and_stays(operator: Operator) -> None:
    first = operator.ok("key", "show")
    (key,) = first["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key
    assert operator.ok("key", "show") == first


def test_people_get_the_public_key_to_paste(operator: Operator) -> None:
    result = operator.run("key", "show")
    assert "one is made" in result.stderr
    pasted = json.loads(result.stdout[result.stdout.index("{") :])
    assert pasted["kid"] == operator.ok("key", "show")["keys"][0]["kid"]
