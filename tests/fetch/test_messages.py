from cors_addon.fetch.messages import is_ok_status, is_redirect_status


def test_ok_status() -> None:
    assert [status for status in range(1000) if is_ok_status(status)] == list(range(200, 300))


def test_redirect_status() -> None:
    # 300 offers a choice, 304 is an answer about the cache, 305 and 306 are of the past: none is followed.
    assert [status for status in range(1000) if is_redirect_status(status)] == [301, 302, 303, 307, 308]
