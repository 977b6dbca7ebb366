import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.domain.errors import AssayError, ConfigError, InvalidInput, Unavailable
from assay_builder.adapters.fetch.proxy import ProxyFetcher, ProxyList, parse_proxy_list, proxy_list_of

CONTENT = b"module example.net/library\n"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/missing": 404, "/gone": 410, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        self.send_header("Content-Length", str(len(CONTENT) + (10 if self.path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the signature of the standard library
        pass


@contextmanager
def proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def read(path: str, *urls: str, falls_back: bool = False, largest: int = 100) -> bytes:
    fetcher = ProxyFetcher(lambda: ProxyList(urls=urls, falls_back=(falls_back,) * len(urls)), read_seconds=2)
    with fetcher.fetch(path, largest=largest) as pieces:
        return b"".join(pieces)


def refuse(path: str, *urls: str, largest: int = 100) -> AssayError:
    with pytest.raises(AssayError) as caught:
        read(path, *urls, largest=largest)
    return caught.value


def test_a_file_is_read_from_the_proxy() -> None:
    with proxy() as url:
        assert read("file", url, largest=len(CONTENT)) == CONTENT


@pytest.mark.parametrize("path", ["missing", "gone"])
def test_a_missing_file_is_the_callers_mistake(path: str) -> None:
    with proxy() as url:
        error = refuse(path, url)
    assert isinstance(error, InvalidInput)
    assert (error.code, path in error.message) == ("input_unknown", True)


def test_a_file_that_is_larger_than_locked_is_refused() -> None:
    with proxy() as url:
        assert refuse("file", url, largest=len(CONTENT) - 1).code == "input_too_large"


@pytest.mark.parametrize("path", ["broken", "short"])
def test_a_proxy_that_fails_can_be_asked_again(path: str) -> None:
    with proxy() as url:
        error = refuse(path, url)
    assert isinstance(error, Unavailable)
    assert error.code == "proxy_unavailable"


def test_an_unreachable_proxy_is_unavailable_unless_the_list_goes_on() -> None:
    with proxy() as url:
        assert refuse("file", "http://127.0.0.1:9", url).code == "proxy_unavailable"
        assert read("file", "http://127.0.0.1:9", url, falls_back=True) == CONTENT


def test_a_missing_file_is_asked_of_the_next_proxy() -> None:
    with proxy() as url, proxy() as other:
        assert refuse("missing", url, other).code == "input_unknown"


@pytest.mark.parametrize(
    ("value", "urls", "falls_back"),
    [
        ("https://a.example/,direct", ("https://a.example",), (False,)),
        ("https://a.example|http://b.example/x,off", ("https://a.example", "http://b.example/x"), (True, False)),
    ],
)
def test_a_goproxy_value_names_proxies(value: str, urls: tuple[str, ...], falls_back: tuple[bool, ...]) -> None:
    assert parse_proxy_list(value) == ProxyList(urls=urls, falls_back=falls_back)


@pytest.mark.parametrize("value", ["", "direct", "off", "file:///proxy", "a.example", "https://"])
def test_a_value_without_a_usable_proxy_is_a_configuration_error(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_proxy_list(value)
    assert caught.value.code == "proxy_unusable"


def test_another_checksum_database_is_a_configuration_error() -> None:
    assert proxy_list_of({"GOSUMDB": "sum.golang.org", "GOPROXY": "https://a.example"}).urls == ("https://a.example",)
    with pytest.raises(ConfigError) as caught:
        proxy_list_of({"GOSUMDB": "off"})
    assert caught.value.code == "checksum_database_unusable"


def test_the_proxy_is_looked_up_once_and_only_when_a_file_is_fetched() -> None:
    with proxy() as url:
        asked: list[str] = []

        def look_up() -> ProxyList:
            asked.append(url)
            return ProxyList(urls=(url,), falls_back=(False,))

        fetcher = ProxyFetcher(look_up, read_seconds=2)
        assert asked == []
        for _ in range(2):
            with fetcher.fetch("file", largest=100) as pieces:
                assert b"".join(pieces) == CONTENT
        assert asked == [url]
