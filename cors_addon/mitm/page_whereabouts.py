"""Where the live page is in each of the proxy's modes, and what the network can reach of the proxy."""

from collections.abc import Iterable

from mitmproxy.proxy import mode_specs

from ..page.page_address import is_loopback


def needs_listener(mode: mode_specs.ProxyMode, lazy: bool) -> bool:
    """Say whether the page takes a listener of its own in a mode: where no host name leads a browser through it.

    ``lazy`` is the connection strategy.
    """
    match mode:
        case mode_specs.RegularMode() | mode_specs.UpstreamMode() | mode_specs.DnsMode():
            return False
        case mode_specs.Socks5Mode():
            return not lazy
        case mode_specs.ReverseMode():
            return mode.scheme in ("http", "https", "http3")
        case _:
            return True


def whereabouts(host: str, modes: Iterable[mode_specs.ProxyMode], lazy: bool, listener: str) -> str:
    """Return one line that says where the page is; ``listener`` is the URL of its own, empty where there is none."""
    there: list[str] = []
    for mode in modes:
        if needs_listener(mode, lazy):
            there += [f"at {listener}"] if listener else []
        elif isinstance(mode, mode_specs.RegularMode | mode_specs.UpstreamMode):
            there.append(f"at http://{host}/ through the proxy")
        elif isinstance(mode, mode_specs.Socks5Mode):
            there.append(f"at http://{host}/ through the SOCKS proxy, if that resolves the browser's names")
    return f"the live page is {', '.join(dict.fromkeys(there))}" if there else ""


def beyond_loopback(modes: Iterable[mode_specs.ProxyMode], listen_host: str, listen_port: int | None) -> list[str]:
    """Return the addresses on which the proxy takes connections of other machines."""
    found = []
    for mode in modes:
        if isinstance(mode, mode_specs.LocalMode | mode_specs.DnsMode) or mode.type_name in ("wireguard", "tun"):
            continue
        host = mode.listen_host(listen_host)
        if not is_loopback(host):
            found.append(f"{host or '*'}:{mode.listen_port(listen_port)}")
    return list(dict.fromkeys(found))
