"""The lab's Postfix servers as files: those of the default set-up, and what each `config` of a case changes in them.

The files under ``lab/`` are what ``postconf -n`` of the real servers printed and the tables that they used; the folders' names
were made general. A case's `config` says in words what was set at the servers: `edited` makes the lines of main.cf, transport
and virtual of it.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "lab"
NAMES = {
    "on-prem": "onprem",
    "onprem2": "onprem2",
    "inbound": "inbound",
    "outbound": "outbound",
    "external": "external",
    "third": "third",
}
R7 = "relay_domains = corporate.com\nvirtual_mailbox_domains =\nvirtual_alias_maps ="
R7_TRANSPORT = "dUser1@corporate.com virtual:\ndUser2@corporate.com virtual:\ncorporate.com smtp:[inbound.inotes.test]"
BACKOFF = "minimal_backoff_time = {0}\nmaximal_backoff_time = {1}\nqueue_run_delay = {2}"
BY_WORDS = {
    "smtpd_reject_unlisted_recipient=no (accepts, then bounces": "main: smtpd_reject_unlisted_recipient = no",
    "no hosted users in the directory, no smart host": "virtual:=\ntransport:=",
    "hosted users listed (identity alias), no transport": "transport:=",
    "iUser2 not listed": "virtual:=iUser1@corporate.com iUser1@corporate.com",
    "reject_unknown_sender_domain": "main: smtpd_sender_restrictions = reject_unknown_sender_domain",
    "reject_unknown_recipient_domain": "main: smtpd_recipient_restrictions = reject_unknown_recipient_domain",
    "mynetworks with outbound": "main: mynetworks = 127.0.0.0/8 10.55.0.13",
    "mynetworks=0.0.0.0/0": "main: mynetworks = 0.0.0.0/0",
    "relay_recipient_maps": "main: relay_recipient_maps = inline:{{dUser1@corporate.com=OK}}",
    "transport to domino": "transport:=corporate.com smtp:[domino.corporate.com]",
    "default backoff": "main: minimal_backoff_time = 300s\nmain: maximal_backoff_time = 4000s\nmain: queue_run_delay = 300s",
    "dUser2 relayed to inbound": "transport: dUser2@corporate.com smtp:[inbound.inotes.test]",
}

Files = dict[str, str]


def files_of(server: str) -> Files:
    """The files of a server's default set-up, by name."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted((FOLDER / server).iterdir())}


def edited(config: str) -> dict[str, Files]:
    """The files of all Postfix servers with what `config` says."""
    servers = {name: files_of(name) for name in ("onprem", "onprem2")}
    if config.startswith(("as R7", "as L6", "on-prem: relay_domains=corporate.com")):
        _add(servers["onprem"], "main.cf", R7)
        servers["onprem"]["transport"] = R7_TRANSPORT + "\n"
    server = ""
    for part in re.split(r";\s+", config):
        who, colon, what = part.partition(": ")
        if colon and all(name in NAMES for name in who.split(", ")):
            for name in who.split(", "):
                server = NAMES[name]
                _apply(servers, server, what)
        elif server and not colon:
            _apply(servers, server, part)
        else:
            server = ""
    return servers


def _apply(servers: dict[str, Files], server: str, what: str) -> None:
    """One thing that was set at one server."""
    if server not in servers:
        return
    files = servers[server]
    known = next((lines for words, lines in BY_WORDS.items() if words in what), None)
    if known is not None:
        for line in known.splitlines():
            kind, _, text = line.partition(":")
            name = "main.cf" if kind == "main" else kind
            if text.startswith("="):
                files[name] = text[1:] + "\n"
            else:
                _add(files, name, text.strip())
    elif found := re.fullmatch(r"backoff (\d+)(?:\.\.(\d+))? s(?:, .*)?", what):
        shortest, longest = found[1], found[2] or found[1]
        _add(files, "main.cf", BACKOFF.format(f"{shortest}s", f"{longest}s", "2s" if found[2] else "1s"))
        _settings(files, what.partition(", ")[2])
    elif " -> " in what:
        for line in re.split(r"[,;] (?=\S+ -> )", what):
            key, _, to = line.partition(" -> ")
            _add(files, "virtual", f"{_full(key)} {', '.join(map(_full, re.split(r', *', to)))}")
    elif what.startswith("transport "):
        rest = re.sub(r"\[(inbound|outbound)\]", r"[\1.inotes.test]", what.removeprefix("transport "))
        if rest.startswith("smtp:"):
            files["transport"] = "".join(f"iUser{n}@corporate.com {rest}\n" for n in (1, 2))
        else:
            for line in re.split(r", (?=\S+ \w+:)", rest):
                key, _, to = line.partition(" ")
                name = key if "." in key or key == "*" else _full(key)
                lines = [old for old in files["transport"].splitlines() if not old.startswith(name + " ")]
                files["transport"] = "\n".join([*lines, f"{name} {to}"]) + "\n"
    else:
        _settings(files, what)


def _settings(files: Files, text: str) -> None:
    for setting in re.findall(r"([a-z_]+(?:=[a-z_]+)*)=([^\s,;]+)", text):
        for name in setting[0].split("="):
            _add(files, "main.cf", f"{name} = {setting[1]}")


def _full(name: str) -> str:
    name = name.rstrip("@") if not name.startswith("@") else name
    return name if "@" in name else f"{name}@corporate.com"


def _add(files: Files, name: str, lines: str) -> None:
    if name == "main.cf":  # as `postconf -e` does: in place of the line that is there
        names = {line.partition("=")[0].strip() for line in lines.splitlines()}
        files[name] = "".join(
            f"{old}\n" for old in files[name].splitlines() if old.partition("=")[0].strip() not in names
        )
    files[name] = files.get(name, "") + lines + "\n"
