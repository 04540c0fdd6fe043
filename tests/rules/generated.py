"""Rule files made up by hypothesis: right ones, and ones that a hand has slipped over."""

from hypothesis import strategies as st

EXAMPLE = """\
version: 1
expires: 2h                       # a comment
defaults: {max_age: 0, on_errors: true}
rules:
  - name: local SPA calls the staging API
    enabled: true
    hosts: [api.staging.example.com, "*.dev.example.test:8443", "localhost:3000"]   # servers
    paths: ["/v1/**"]
    methods: [GET, POST, PATCH]
    allow_origins: ["http://localhost:5173", 'https://*.preview.example.test', "http://localhost:*"]
    allow_credentials: true
    allow_headers:
      - content-type
      - x-api-version
    expose_headers: all
    max_age: 10m
    preflight: repair

  # a second one
  - name: "prove that: the UI copes"
    hosts:
    - api.dev.test
    allow_origins: any
    simulate: preflight-redirect
"""

SLIPS = st.sampled_from(
    [
        *list("*&!@`%|>\"'#{}[],:?-~ \t\n\\"),
        "  ",
        "\n  ",
        ": ",
        "- ",
        " #",
        "---\n",
        "...\n",
        "null",
        "off",
        "&a ",
        "*a",
        "\r",
        "!!str ",
        "<<: ",
        "\xa0",
        "\u2028",
        "\x00",
        "é",
        "日",
        "\\U00110000",
        "%YAML 1.2\n",
        "? ",
        "|\n",
        ">-\n",
        "'",
        '"',
    ]
)


@st.composite
def slipped(draw: st.DrawFn) -> str:
    """The example with a few characters put in or taken out."""
    text = EXAMPLE
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            text = text[:at] + draw(SLIPS) + text[at:]
        else:
            text = text[:at] + text[at + draw(st.integers(1, 12)) :]
    return text


any_text = st.text(st.sampled_from(list("ab:- \n[]{},#'\"*&!|>?%@`\t~0x.\\/")) | st.characters(), max_size=80)
any_file = (
    slipped().map(str.encode) | any_text.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=60)
)
