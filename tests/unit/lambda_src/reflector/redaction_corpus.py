# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log lines with and without private data, from templates and a seeded generator: the corpus of docs/RULES.md.

Everything in it is invented. `score` measures the redactions of the reflector on it.
"""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

LINES_A_KIND = 1000
ORDINARY_LINES = 4000
_LETTERS = string.ascii_letters + string.digits
_FULL_WIDTH = str.maketrans(string.digits, "".join(chr(0xFF10 + digit) for digit in range(10)))


@dataclass(frozen=True, slots=True)
class Line:
    """A log line. `secret`: the part that must go, exactly as it is written there; "" in an ordinary line."""

    style: str
    text: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of a redaction. `exact`: secrets that were removed without other text. `changed`: ordinary lines that were changed."""

    secrets: int
    found: int
    exact: int
    ordinary: int
    changed: int
    missed_styles: dict[str, int]
    changed_styles: dict[str, int]

    @property
    def recall(self) -> float:
        """Return the share of secrets that were removed."""
        return self.found / self.secrets

    @property
    def false_positives(self) -> float:
        """Return the share of ordinary lines that were changed."""
        return self.changed / self.ordinary


def score(redact: Callable[[str], str], private: Sequence[Line], ordinary: Sequence[Line]) -> Score:
    """Return the figures of the redaction for these lines."""
    missed: dict[str, int] = {}
    changed: dict[str, int] = {}
    exact = 0
    for line in private:
        got = redact(line.text)
        if line.secret in got:
            missed[line.style] = missed.get(line.style, 0) + 1
        before, _secret, after = line.text.partition(line.secret)
        exact += line.secret not in got and got.startswith(redact(before)) and got.endswith(redact(after))
    for line in ordinary:
        if redact(line.text) != line.text:
            changed[line.style] = changed.get(line.style, 0) + 1
    return Score(
        len(private),
        len(private) - sum(missed.values()),
        exact,
        len(ordinary),
        sum(changed.values()),
        missed,
        changed,
    )


def private_lines(kind: str, seed: int = 11) -> list[Line]:
    """Return lines that each hold one secret of that kind."""
    chance = random.Random(f"{kind} {seed}")
    make = {"card": _card_line, "email": _email_line, "aws_key": _aws_key_line, "secret": _secret_line}[kind]
    return [make(chance) for _unused in range(LINES_A_KIND)]


def ordinary_lines(seed: int = 11) -> list[Line]:
    """Return lines without private data, with text that resembles it: ids, times, versions, hashes, measurements."""
    chance = random.Random(f"ordinary {seed}")
    return [_ordinary_line(chance) for _unused in range(ORDINARY_LINES)]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def _letters(chance: random.Random, count: int, letters: str = _LETTERS) -> str:
    return "".join(chance.choices(letters, k=count))


def _hex(chance: random.Random, count: int) -> str:
    return f"{chance.getrandbits(4 * count):0{count}x}"


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _time(chance: random.Random) -> str:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=chance.randrange(365 * 86_400_000))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _placed(chance: random.Random, style: str, secret: str, frames: Sequence[str]) -> Line:
    """Return a line with the secret in one of these frames. `@` in a frame is the secret, `#` a small number."""
    frame = chance.choice(frames).replace("#", str(chance.randint(0, 999)))
    prefix = chance.choice(["", "", f"{_time(chance)}\t{_uuid(chance)}\tINFO\t", "INFO ", f"[{_time(chance)}] "])
    return Line(style, prefix + frame.replace("@", secret).replace("%at%", "@"), secret)


# --- cards ---

_NETWORKS = [
    ("4", 16),
    ("4", 16),
    ("5", 16),
    ("222300", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("65", 16),
    ("3528", 16),
    ("36", 14),
    ("305", 14),
    ("62", 16),
    ("62", 19),
    ("6304", 18),
    ("5018", 16),
    ("4", 19),
    ("81", 16),
    ("2200", 16),
]
_PLAIN_FRAMES = [
    "card @ declined",
    "pan=@&cvv=#",
    "Payment with @, amount #.00 EUR",
    '{"card":"@","n":#}',
    '{"payment":{"card":@,"ok":true}}',
    "card-@",
    "order.@",
    "@-12",
    "(@)",
    "customer #;@;12/27;EUR",
    r"{\"card\":\"@\"}",
    "card=%22@%22",
    "q=x%3D@",
    "ref_@_#",
    "-@",
    "cards: @/12/27",
    "tel # card @.",
    "VISA@",
    "[@]",
    "x\\n@\\n",
    "カード@です",
    "PAN:@|EXP:1227",
    "<pan>@</pan>",
    "@ 123 12/27",
]
_GROUPED_FRAMES = [
    "card @ declined",
    "pan=@",
    '{"card":"@","n":#}',
    "Payment with @.",
    "(@)",
    "card-@-x",
    "order 7: @ ok",
    "@ 12/27",
    "x;@;y",
    r"{\"card\":\"@\"}",
    "カード @",
    "number: @\n",
]


def _card_number(chance: random.Random) -> str:
    start, length = chance.choice(_NETWORKS)
    if start == "5":
        start = f"5{chance.randint(1, 5)}"
    body = start + _digits(chance, length - 1 - len(start))
    total = sum(
        int(digit) if place % 2 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(reversed(body))
    )
    return body + str(-total % 10)


def _grouped(number: str, separator: str) -> str:
    sizes = {14: (4, 6, 4), 15: (4, 6, 5), 18: (6, 6, 6), 19: (4, 4, 4, 4, 3)}.get(len(number), (4, 4, 4, 4))
    parts, start = [], 0
    for size in sizes:
        parts.append(number[start : start + size])
        start += size
    return separator.join(parts)


def _card_line(chance: random.Random) -> Line:
    number = _card_number(chance)
    style = chance.choices(["plain", "grouped", "unusual"], [50, 47, 3])[0]
    if style == "plain":
        if chance.random() < 0.05:
            return _placed(chance, "full-width digits", number.translate(_FULL_WIDTH), ["カード番号 @", "card @ ok"])
        return _placed(chance, "digits only", number, _PLAIN_FRAMES)
    if style == "grouped":
        separator = chance.choice(
            [
                " ",
                " ",
                " ",
                "-",
                "-",
                ".",
                "_",
                "\t",
                "\u00a0",
                "  ",
                " - ",
                "%20",
                "+",
                "%2D",
                *"\u2010\u2011\u2012\u2013\u2014\u2015",
                r"\u00a0",
                r"\t",
            ]
        )
        return _placed(chance, f"separated by {separator!r}", _grouped(number, separator), _GROUPED_FRAMES)
    odd = chance.choice(["other groups", "commas", "two lines", "slashes"])
    written = {
        "other groups": f"{number[:3]} {number[3:8]} {number[8:]}",
        "commas": _grouped(number, ", "),
        "two lines": _grouped(number, "\n"),
        "slashes": _grouped(number, "/"),
    }[odd]
    return _placed(chance, odd, written, ["card @ declined"])


# --- e-mail addresses ---

_NAMES = [
    "anna",
    "li.wei",
    "j.doe",
    "kim_s",
    "maria-jose",
    "info",
    "o.neil",
    "peter+news",
    "x1",
    "first.last",
    "JSMITH",
    "noreply",
]
_HOSTS = [
    "example.com",
    "mail.example.co.uk",
    "example.org",
    "sub-domain.example.net",
    "163.example",
    "example.technology",
    "EXAMPLE.COM",
]
_EMAIL_FRAMES = [
    "user @ logged in",
    "to=<@>, relay=mx",
    '{"email":"@","n":#}',
    "mailto:@?subject=x",
    "From: @",
    "@;@x",
    r"{\"user\":\"@\"}",
    "user=@&x=#",
    "login failed for '@'",
    "(@)",
    "@,#",
    "@様",
    "ユーザー@さん",
    "@_x",
    "@-x",
    "sent to @.",
    "\\n@\\n",
    "[@]",
    "https://@/path",
    "cn=@,ou=x",
]


def _email_line(chance: random.Random) -> Line:
    local, host = chance.choice(_NAMES) + _digits(chance, chance.randint(0, 3)), chance.choice(_HOSTS)
    address = f"{local}@{host}"
    style = chance.choices(
        ["plain", "encoded", "IDN", "punycode", "long", "apostrophe", "JSON escape", "unusual"],
        [60, 15, 6, 4, 4, 4, 4, 3],
    )[0]
    if style == "plain":
        frames = [frame.replace("@;@x", "@;x") for frame in _EMAIL_FRAMES]
        return _placed(chance, "plain", address, frames)
    written = {
        "encoded": quote(address, safe=""),
        "IDN": f"{local}@{chance.choice(['münchen.example', 'bücher.de', '例え.テスト', 'пример.рф'])}",
        "punycode": f"{local}@{chance.choice(['xn--mnchen-3ya.example', 'example.xn--p1ai'])}",
        "long": f"{_letters(chance, chance.randint(65, 120))}@{host}",
        "apostrophe": f"o'{address}",
        "JSON escape": chance.choice(
            [address.replace("@", r"\u0040"), rf"j\u00f6rg{address}", rf"{local}@m\u00fcnchen.example"]
        ),
        "unusual": chance.choice(
            [
                f'"{local} x"@{host}',
                f"{local} at {host}",
                f"{local}@[192.0.2.{chance.randint(1, 254)}]",
                f"{local} @ {host}",
            ]
        ),
    }[style]
    frames = (
        ["GET /login?user=@&x=#", "user=@", "q?to%3D@%26n"]
        if style == "encoded"
        else ['{"email":"@"}', "user @ logged in", "<@>", "to=@;"]
    )
    return _placed(chance, style, written, frames if style != "unusual" else ["user @ logged in"])


# --- AWS keys ---

_BASE32 = string.ascii_uppercase + "234567"


def _named_key_line(chance: random.Random, style: str, secret: str) -> Line:
    name = chance.choice(
        [
            "aws_secret_access_key",
            "AWS_SECRET_ACCESS_KEY",
            "SecretAccessKey",
            "secretAccessKey",
            "secretKey",
            "secret_key",
            "secret access key",
            "aws.secretKey",
            "SECRET-ACCESS-KEY",
            "aws_secret",
        ]
    )
    frames = [
        f"{name}=@",
        f"{name} = @",
        f"{name}     :    @",
        f'{{"{name}":"@","n":#}}',
        rf"{{\"{name}\": \"@\"}}",
        f"export {name}='@'",
        f"{name} @",
        f"<{name}>@</{name}>",
        f"{name} => @,",
        f"{name} is @",
        f'{{"name":"{name}","value":"@"}}',
        f"'{name}': '@'",
    ]
    written = secret if chance.random() < 0.9 else secret.replace("/", r"\/")
    return _placed(chance, style, written, frames)


def _token_line(chance: random.Random, style: str, token: str) -> Line:
    frames = (
        ["token @ expired", "[@]"]
        if style == "bare token"
        else [
            "aws_session_token=@",
            '{"SessionToken":"@"}',
            "X-Amz-Security-Token: @",
            "export AWS_SESSION_TOKEN=@",
        ]
    )
    if style == "token" and chance.random() < 0.3:
        return _placed(chance, style, quote(token, safe=""), ["X-Amz-Security-Token=@&X-Amz-Expires=#"])
    return _placed(chance, style, token, frames)


def _aws_key_line(chance: random.Random) -> Line:
    key_id = chance.choice(["AKIA", "ASIA"]) + _letters(chance, 16, _BASE32)
    secret = _letters(chance, 40, _LETTERS + "+/")
    token = "IQoJb3JpZ2luX2Vj" + _letters(chance, chance.randint(200, 400), _LETTERS + "+/") + "=="
    style = chance.choices(
        ["id", "named", "encoded", "pair", "token", "bare token", "unusual"], [25, 35, 8, 8, 12, 8, 4]
    )[0]
    if style == "id":
        return _placed(
            chance,
            style,
            key_id,
            [
                "key @ used",
                "id=@;",
                '{"accessKeyId":"@"}',
                "X-Amz-Credential=@%2F20261122%2Feu-west-1",
                "%22@%22",
                "AWS @:x",
                "\\n@\\n",
                "_@_",
            ],
        )
    if style == "named":
        return _named_key_line(chance, style, secret)
    if style == "encoded":
        return _placed(
            chance,
            style,
            quote(secret, safe=""),
            ["secretKey=@&x=#", "secret_access_key%3D@%26n", "?aws_secret_access_key=@"],
        )
    if style == "pair":
        return _placed(
            chance,
            style,
            secret,
            [frame.replace("~", key_id) for frame in ("~:@", "~,@", '["~","@"]', "~ @ eu-west-1")],
        )
    if style in ("token", "bare token"):
        return _token_line(chance, style, token)
    return _placed(chance, "secret key without a name", secret, ["credentials: user #, @", "got @ from the vault"])


# --- secrets ---

_SECRET_NAMES = [
    "password",
    "passwd",
    "pwd",
    "DB_PASSWORD",
    "userPassword",
    "spring.datasource.password",
    "client_secret",
    "clientSecret",
    "api_key",
    "apiKey",
    "x-api-key",
    "token",
    "access_token",
    "refreshToken",
    "private_key",
    "secret",
    "APP_SECRET",
    "auth-token",
    "passphrase",
    "password_confirmation",
]


def _password(chance: random.Random) -> str:
    letters = _LETTERS + chance.choice(["", "", "!$%*+-./:=?^_~"])
    return chance.choice(_LETTERS) + _letters(chance, chance.randint(6, 30), letters) + chance.choice("123456789")


def _form_line(chance: random.Random, style: str) -> Line:
    jwt = f"eyJhbGciOiJIUzI1NiJ9.eyJ{_letters(chance, 60)}.{_letters(chance, 43)}"
    forms = [
        jwt,
        jwt,
        f"ghp_{_letters(chance, 36)}",
        f"xoxb-{_digits(chance, 12)}-{_letters(chance, 24)}",
        f"sk_live_{_letters(chance, 24)}",
        f"AIza{_letters(chance, 35)}",
        f"glpat-{_letters(chance, 20)}",
        f"npm_{_letters(chance, 36)}",
    ]
    if chance.random() < 0.15:
        body = r"\n".join(_letters(chance, 64, _LETTERS + "+/") for _unused in range(4))
        return _placed(
            chance,
            "private key",
            rf"{body}\n",
            ['{"m":"-----BEGIN RSA PRIVATE KEY-----\\n@-----END RSA PRIVATE KEY-----\\n"}'],
        )
    return _placed(chance, style, chance.choice(forms), ["got @", "jwt=@;", '{"x":"@"}', "(@)", "id #: @,"])


def _header_line(chance: random.Random, style: str, value: str) -> Line:
    basic = base64.b64encode(f"user:{value}".encode()).decode()
    frames = [
        "Authorization: Bearer @",
        "authorization=Bearer @",
        '{"authorization":"Bearer @"}',
        '{"name":"Authorization","value":"@"}',
        "Cookie: session=@; x=1",
        "Proxy-Authorization: Basic @",
        "using Bearer @ for x",
        "x-api-key: @",
        r"{\"Authorization\":\"Basic @\"}",
    ]
    return _placed(chance, style, basic, frames)


def _assigned_line(chance: random.Random, style: str, name: str, value: str) -> Line:
    return _placed(
        chance,
        style,
        value,
        [
            f"{name}=@",
            f"{name}=@ next=#",
            f"{name}: @",
            f"{name} = '@'",
            f'{name}="@"',
            f"'{name}': '@'",
            f"User(name=x, {name}=@)",
            f"{name} => @",
            f"<{name}>@</{name}>",
            f"{{{name}=@, n=#}}",
            f"login {name}:@;",
        ],
    )


def _secret_line(chance: random.Random) -> Line:
    name, value = chance.choice(_SECRET_NAMES), _password(chance)
    style = chance.choices(
        ["assigned", "JSON", "JSON in JSON", "query", "header", "form", "URL", "option", "unusual"],
        [22, 18, 12, 14, 10, 12, 4, 4, 4],
    )[0]
    if style == "assigned":
        return _assigned_line(chance, style, name, value)
    if style in ("JSON", "JSON in JSON"):
        value = chance.choice([value, f'{value}"{value}', f"{value}\\{value}", f"{value} {value}"])
        frame = json.dumps({"user": "x", name: "@", "n": 1}, separators=chance.choice([(",", ":"), (", ", ": ")]))
        written = json.dumps(value)[1:-1]
        if style == "JSON in JSON":
            frame, written = json.dumps({"body": frame}), json.dumps(written)[1:-1]
        return _placed(chance, style, written, [frame])
    if style == "query":
        encoded = quote(value, safe="")
        return _placed(
            chance,
            style,
            encoded,
            [
                f"GET /x?a=#&{name}=@&b=# HTTP/1.1",
                f"POST /x?{name}=@",
                f"redirect=%3F{name}%3D@%26b",
                f"body: user=x&{name}=@",
                f"%22{name}%22%3A%22@%22%2C",
                f"user[{name}]=@&x",
            ],
        )
    if style == "header":
        return _header_line(chance, style, value)
    if style == "form":
        return _form_line(chance, style)
    if style == "URL":
        return _placed(
            chance, style, _letters(chance, 12), ["postgres://app:@%at%h/db", "https://user:@%at%host.example/x"]
        )
    if style == "option":
        return _placed(chance, style, value, ["mysql --user x --password @ db", "run --api-key @", "login --token=@"])
    return _placed(
        chance,
        "no delimiter, or no name",
        value,
        ["my password is @", "password @ for user x", "login x/@", "password (new): @"],
    )


# --- ordinary lines ---


def _address(chance: random.Random) -> str:
    return f"10.{chance.randint(0, 255)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"


def _epoch(chance: random.Random, unit: int) -> int:
    return chance.randint(1_600_000_000 * unit, 1_800_000_000 * unit)


def _flow_log(chance: random.Random) -> str:
    start = _epoch(chance, 1)
    ports = f"{chance.randint(1024, 65535)} {chance.choice([22, 80, 443, 3306])} 6 {chance.randint(1, 9999)}"
    ends = f"{_digits(chance, 12)} eni-{_hex(chance, 17)} {_address(chance)} {_address(chance)}"
    return f"2 {ends} {ports} {chance.randint(40, 10**7)} {start} {start + 60} ACCEPT OK"


def _access_log(chance: random.Random) -> str:
    request = f"GET /items/{chance.randint(1, 10**9)}?page={chance.randint(1, 99)}&sort=-price HTTP/1.1"
    browser = (
        f"Mozilla/5.0 (X11) Chrome/{chance.randint(90, 140)}.0.{chance.randint(1000, 9999)}.{chance.randint(10, 200)}"
    )
    return f'{_address(chance)} - - [22/Nov/2026:10:{chance.randint(10, 59)}:01 +0000] "{request}" 200 {chance.randint(100, 10**6)} "-" "{browser}"'


def _measurements(chance: random.Random) -> str:
    values = [
        chance.choice([chance.randint(0, 99999), round(chance.random() * 1000, 2), chance.random()])
        for _unused in range(12)
    ]
    return chance.choice([" ", ", ", "\t", " | ", ","]).join(map(str, values))


def _times(chance: random.Random) -> str:
    return f"{_time(chance)} {' '.join(str(_epoch(chance, unit)) for unit in (1, 10**3, 10**6, 10**9))}"


def _trace(chance: random.Random) -> str:
    root = f"Root=1-{_hex(chance, 8)}-{_hex(chance, 24)};Parent={_hex(chance, 16)};Sampled=1"
    return f"{root} traceparent=00-{_hex(chance, 32)}-{_hex(chance, 16)}-01"


def _report(chance: random.Random) -> str:
    took = f"Duration: {chance.random() * 1000:.2f} ms\tBilled Duration: {chance.randint(1, 1000)} ms"
    return f"REPORT RequestId: {_uuid(chance)}\t{took}\tMemory Size: 256 MB"


def _versions(chance: random.Random) -> str:
    def small() -> int:
        return chance.randint(0, 30)

    def large() -> int:
        return chance.randint(1000, 9999)

    return f"npm install pkg@{small()}.{small()}.{small()}-rc.{small()} {small()}.{small()}.{large()}.{large()}"


def _order(chance: random.Random) -> str:
    value = {"level": "info", "requestId": _uuid(chance), "msg": "order handled", "took": chance.random() * 100}
    return json.dumps(
        {**value, "order": chance.randint(1, 10**6), "items": [chance.randint(1, 9999) for _unused in range(5)]}
    )


_SENTENCES = [
    "Failed password for invalid user x from 10.0.0.1 port 4022 ssh2",
    "password: must be at least 12 characters",
    "Invalid token: expired",
    "password reset requested for user 17",
    "the secret was rotated",
    "token: null",
    '{"password":"","token":null}',
    "password=********",
    '{"password":"[redacted]"}',
    "PWD=/var/task",
    "password = ${DB_PASSWORD}",
    "API key not found",
    "Bearer authentication required",
    "cookie: none",
    "secretName: db-main",
    "password_hash_rounds=12",
    "keyboard=qwerty monkey: banana",
]
_NO_ADDRESSES = [
    "decorator @app.route used",
    "user@localhost",
    "git@github",
    "ssh root@10.0.0.7",
    "a @ b.c",
    "rate 5@1.2",
    "@types/node",
    "$@",
    "SELECT @@version",
    "@Override public void run()",
    "kafka@2.8.1",
]
_ORDINARY: dict[str, Callable[[random.Random], str]] = {
    "platform line": _report,
    "UUIDs": lambda c: " ".join(_uuid(c) for _unused in range(4)),
    "UUID in a URL": lambda c: f"GET /v1/orders/{_uuid(c)}/items?trace={_uuid(c)}",
    "times": _times,
    "compact times": lambda c: (
        f"backup-2026{c.randint(1, 12):02}{c.randint(1, 28):02}{_digits(c, 6)}.tar.gz 20261122T{_digits(c, 6)}Z"
    ),
    "hashes": lambda c: f"md5 {_hex(c, 32)} sha1 {_hex(c, 40)} sha256:{_hex(c, 64)}",
    "commits": lambda c: f"checkout {_hex(c, 40)} ({_hex(c, 7)})",
    "trace ids": _trace,
    "resource ids": lambda c: f"i-{_hex(c, 17)} vpc-{_hex(c, 17)} subnet-{_hex(c, 8)} sg-{_hex(c, 17)}",
    "ARN": lambda c: f"arn:aws:lambda:eu-west-1:{_digits(c, 12)}:function:orders-{c.randint(1, 99)}:{c.randint(1, 99)}",
    "secret's ARN": lambda c: (
        f"secret: arn:aws:secretsmanager:eu-west-1:{_digits(c, 12)}:secret:db/main-{_letters(c, 6)}"
    ),
    "versions": _versions,
    "picture": lambda c: f"GET /img/logo{c.randint(1, 9)}@{c.randint(2, 3)}x.png 304",
    "flow log": _flow_log,
    "access log": _access_log,
    "measurements": _measurements,
    "fractions": lambda c: json.dumps({"took": c.random(), "values": [c.random() * 10 for _unused in range(3)]}),
    "order numbers": lambda c: f"order {c.randint(10**8, 10**12)} for customer {c.randint(1, 10**9)} was handled",
    "order number of 16 digits": lambda c: f"order {c.randint(10**15, 10**16 - 1)} was handled",
    "EAN": lambda c: f"item {c.choice(['400', '401', '978', '501', '761'])}{_digits(c, 10)} in stock",
    "IBAN": lambda c: (
        f"transfer to DE{_digits(c, 2)} {' '.join(_digits(c, 4) for _unused in range(4))} {_digits(c, 2)}"
    ),
    "phone": lambda c: (
        f"call +49 {c.randint(30, 900)} {_digits(c, 4)} {_digits(c, 4)} or +1-{_digits(c, 3)}-{_digits(c, 3)}-{_digits(c, 4)}"
    ),
    "parcel": lambda c: f"parcel 1Z{_letters(c, 6).upper()}{_digits(c, 10)} {_digits(c, 12)} {_digits(c, 22)}",
    "message ids": lambda c: (
        f"post {c.randint(17 * 10**17, 20 * 10**17)} sequence {_digits(c, 56)} offset {c.randint(0, 10**9)}"
    ),
    "base64": lambda c: f"body {base64.b64encode(c.randbytes(90)).decode()}",
    "tokens of a model": lambda c: f'{{"max_tokens":{c.randint(1, 4096)},"token_type":"bearer","tokenizer":"bpe"}}',
    "page token": lambda c: f'{{"nextToken":"{_letters(c, 40)}","NextToken":null}} pageToken={_letters(c, 12)}',
    "parser error": lambda c: (
        f"SyntaxError: Unexpected token {c.choice('{}<;,')} in JSON at position {c.randint(0, 999)}"
    ),
    "password in a sentence": lambda c: c.choice(_SENTENCES),
    "no address": lambda c: c.choice(_NO_ADDRESSES),
    "key ids of other kinds": lambda c: f"role AROA{_letters(c, 17, _BASE32)} user AIDA{_letters(c, 17, _BASE32)}",
    "checksum": lambda c: f"checksum: {base64.b64encode(c.randbytes(30)).decode()}",
    "JSON": _order,
    "stack trace": lambda c: (
        f'  File "/app/orders.py", line {c.randint(1, 999)}, in handle_token\n    return self.secret_store.get(key=name)'
    ),
    "metric": lambda c: f'http_requests_total{{code="200"}} {c.randint(1, 10**6)} {_epoch(c, 1000)}',
    "network": lambda c: (
        f"dhcp {':'.join(_hex(c, 2) for _unused in range(6))} 2001:db8:{_hex(c, 4)}::{_hex(c, 4)} {_address(c)}/24"
    ),
}


def _ordinary_line(chance: random.Random) -> Line:
    style = chance.choice(list(_ORDINARY))
    return Line(style, _ORDINARY[style](chance))


COSTLY_UNITS = [
    "a",
    "1",
    " ",
    "1 ",
    "1-",
    "3 ",
    "4 ",
    "44 ",
    "444 ",
    "4444 ",
    "4444-",
    "4444.",
    "4444%20",
    "6763 ",
    "4111 1111 ",
    "41111111 ",
    "411111 1111111111 ",
    "4111111111111112 ",
    "444444 4444444 ",
    "4" * 16 + "a",
    "DE44 5001 ",
    "\uff14",
    "%20",
    "a@",
    "@",
    "a.",
    "a@a.",
    "a@a.a@",
    "@a.aa",
    "あ@a.aa",
    "%40a.aa",
    "@a.a.a.a.a.a.a.a.a.",
    "@" + "a" * 63 + ".",
    "%40",
    "\\u0040",
    "-",
    "'",
    "\\",
    "\\n",
    "\\u0041",
    "\\u00f6@a.aa",
    "é",
    "+",
    "/",
    "\\/",
    "あ",
    "&#64;",
    "%2",
    "AKIA",
    "A",
    "AKIAIOSFODNN7EXAMPLE ",
    "AKIAIOSFODNN7EXAMPLE:aaaa",
    "secret",
    "secretaccesskey",
    "secretaccesskey=",
    "secretaccesskey='aA1/",
    "secret key value ",
    "session token 1",
    "IQoJb3JpZ2lu",
    "FwoGZXIvYXdz/",
    "password=",
    "password='",
    'password="',
    'password=\\"',
    'password=\\\\\\"',
    "password:",
    "password=arn:",
    "secret=${",
    "token=a ",
    '"token":"a",',
    '"token","value":"',
    "<password>a",
    "--password a ",
    "token ",
    "nexttoken=",
    "İpassword=a ",
    "password=&quot;",
    "Bearer a",
    "bearer aaaaaaaaaaaaaaaa ",
    "authorization: bearer ",
    "cookie: a",
    "eyJ",
    "-eyJ",
    "eyJaaaaaaaa.",
    "\\neyJaaaaaaaa.",
    "://",
    "://a:",
    "://a:b@",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "----",
    "xoxb-aaaaaaaaaa",
    "SG.",
]
"""Texts that repeat one of these cost the most: a search with growing texts found them."""
