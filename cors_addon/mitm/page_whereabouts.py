"""One line that says where the live page is in each of the proxy's modes."""

from collections.abc import Iterable

from mitmproxy.proxy import mode_specs

from ..page.live import PREFIX
from ..page.page_address import is_loopback


def whereabouts(
    host: str, modes: Iterable[mode_specs.ProxyMode], listen_host: str, listen_port: int | None, lazy: bool
) -> str:
    """Return one line that says where the page is for each of the proxy's modes, or why it is not."""
    there: list[str] = []
    nowhere: list[str] = []
    for mode in modes:
        match mode:
            case mode_specs.RegularMode() | mode_specs.UpstreamMode():
                there.append(f"at http://{host}/ through the proxy")
            case mode_specs.Socks5Mode() if lazy:
                there.append(f"at http://{host}/ through the SOCKS proxy, if that resolves the browser's names")
            case mode_specs.Socks5Mode():
                nowhere.append("socks5 (there it takes connection_strategy=lazy)")
            case mode_specs.ReverseMode() if mode.scheme in ("http", "https"):
                there.append(f"at {_reverse_url(mode, listen_host, listen_port)} for {mode.full_spec}")
            case mode_specs.ReverseMode():
                nowhere.append(f"{mode.full_spec} (it answers over http and https)")
            case mode_specs.DnsMode():
                pass
            case _:
                nowhere.append(f"{mode.full_spec} (the name {host} would have to resolve)")
    parts = []
    if there:
        parts.append(f"the live page is {', '.join(dict.fromkeys(there))}")
    if nowhere:
        parts.append(f"{'there is ' if there else ''}no live page in mode {', '.join(dict.fromkeys(nowhere))}")
    return "; ".join(parts)


def _reverse_url(mode: mode_specs.ProxyMode, listen_host: str, listen_port: int | None) -> str:
    host = mode.listen_host(listen_host)
    loopback = host in ("", "0.0.0.0", "::") or is_loopback(host)
    # Elsewhere browsers send the headers that prove who asks over https only.
    scheme, name = ("http", "localhost") if loopback else ("https", f"[{host}]" if ":" in host else host)
    port = mode.listen_port(listen_port)
    return f"{scheme}://{name}:{port or 'PORT'}{PREFIX}"
