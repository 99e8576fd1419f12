"""The rules between the fields of a scenario, one function a rule. What breaks one is an error: the scenario is not usable."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Literal

from coexsim.scenario import people_checks, run_checks
from coexsim.scenario.model import UPLINK, Scenario
from coexsim.scenario.names import Names
from coexsim.scenario.network import Background, background_at
from coexsim.scenario.places import Found, Path
from coexsim.scenario.servers import ExternalServer, RelayServer
from coexsim.units import say_bandwidth

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?)*\.?")


def problems(scenario: Scenario) -> Found:
    """Everything that breaks a rule, as path and text, rule by rule."""
    for rule in RULES:
        yield from rule(scenario)


def sites_exist(scenario: Scenario) -> Found:
    """Every site that a server, a link, `transit` or the name servers name is listed under `sites`."""
    sites = Names(scenario.sites)
    for name, server in scenario.servers.items():
        if server.site is not None and server.site not in sites:
            yield ("servers", name, "site"), sites.none_called("site", server.site)
    for index, link in enumerate(scenario.links):
        for site in link.between:
            if site not in sites:
                yield ("links", index, "between"), sites.none_called("site", site)
    for index, site in enumerate(scenario.transit):
        if site not in sites:
            yield ("transit", index), sites.none_called("site", site)
    for site in scenario.uplinks:
        if site not in sites:
            yield ("uplinks", site), sites.none_called("site", site)
    if scenario.uplinks and UPLINK in scenario.sites:
        yield ("sites",), f"a site cannot be called {UPLINK!r} where sites have uplinks: tables call their lines so"
    if scenario.name_servers.site is not None and scenario.name_servers.site not in sites:
        yield ("name_servers", "site"), sites.none_called("site", scenario.name_servers.site)


def bandwidth_is_said_once(scenario: Scenario) -> Found:
    """A link has one bandwidth for both directions, or one for each."""
    for index, link in enumerate(scenario.links):
        if link.bandwidth is not None and (link.up is not None or link.down is not None):
            yield ("links", index, "bandwidth"), "give one bandwidth for both directions, or up and down, not both"


def background_leaves_room(scenario: Scenario) -> Found:
    """Other traffic is told by time of day, on a line with a bandwidth, and leaves some of it at any time."""
    lines: list[tuple[tuple[str | int, ...], tuple[Background, ...], dict[Literal["up", "down"], float | None]]] = [
        (
            ("links", i),
            link.background,
            {"up": link.bytes_per_s(link.between[0]), "down": link.bytes_per_s(link.between[1])},
        )
        for i, link in enumerate(scenario.links)
    ]
    lines += [
        (("uplinks", site), line.background, {"up": line.up, "down": line.down})
        for site, line in scenario.uplinks.items()
    ]
    for path, spans, widths in lines:
        for place, span in enumerate(spans):
            here = (*path, "background", place)
            for key, moment in (("from", span.from_), ("to", span.to)):
                if moment.day is not None or moment.after_start:
                    yield (*here, key), "other traffic comes every day: write a time of day, such as 09:00"
            for way, width in widths.items():
                if getattr(span, way) and width is None:
                    yield (*here, way), f"a line without a limit {way} has room for everything: give it a bandwidth"
        for way, width in widths.items():
            for place, span in enumerate(spans):
                most = background_at(spans, way, span.from_.second)
                if width is not None and most >= width:
                    yield (
                        (*path, "background", place, way),
                        f"nothing is left for mail: other traffic takes {say_bandwidth(most)} of {say_bandwidth(width)} {way}",
                    )


def sites_are_joined(scenario: Scenario) -> Found:
    """Links join all sites that have a server: otherwise mail could not pass between them."""
    joined = {site: site for site in scenario.sites}

    def root(site: str) -> str:
        while joined[site] != site:
            joined[site] = joined[joined[site]]
            site = joined[site]
        return site

    for link in scenario.links:
        if all(site in joined for site in link.between):
            joined[root(link.between[0])] = root(link.between[1])
    used = {server.site: name for name, server in scenario.servers.items() if server.site in joined}
    first = next(iter(used), None)
    for site, name in used.items():
        if site and first and root(site) != root(first):
            yield ("servers", name, "site"), f"no link joins {site!r} to {first!r}; add one under 'links'"


def servers_exist(scenario: Scenario) -> Found:
    """Every server that something names exists."""
    known = Names(scenario.servers)

    def missing(path: Path, name: str | None) -> Found:
        if name is not None and name not in known:
            yield path, known.none_called("server", name)

    for name, server in scenario.servers.items():
        yield from missing(("servers", name, "runs_on"), server.runs_on)
        for index, client in enumerate(server.relay_for):
            if client != "anyone":
                yield from missing(("servers", name, "relay_for", index), client)
        for index, client in enumerate(getattr(server, "internal_clients", None) or ()):
            yield from missing(("servers", name, "internal_clients", index), client)
        for key in ("requires_tls_to", "requires_tls_from"):
            for index, other in enumerate(getattr(server, key)):
                if other != "anyone":
                    yield from missing(("servers", name, key, index), other)
    directory = scenario.directory
    yield from missing(("directory", "master"), directory.master)
    if directory.replica:
        yield from missing(("directory", "replica", "at"), directory.replica.at)
    for name, person in directory.people.items():
        yield from missing(("directory", "people", name, "mail_file"), person.mail_file)
        for index, other in enumerate(person.also_at):
            yield from missing(("directory", "people", name, "also_at", index), other)
        for index, other in enumerate(person.known_at):
            yield from missing(("directory", "people", name, "known_at", index), other)
    for name, where in scenario.directory.group_known_at.items():
        for index, other in enumerate(where):
            yield from missing(("directory", "group_known_at", name, index), other)
    for index, mail in enumerate(scenario.messages):
        yield from missing(("messages", index, "at"), mail.at)
        for key, expect in {
            "expect": mail.expect,
            **{f"expect_each.{k}": v for k, v in mail.expect_each.items()},
        }.items():
            path: Path = ("messages", index, *key.split(".", 1))
            for server_name in (
                (*(expect.route or ()), *(expect.dsn_route or ()), *([expect.by] if expect.by else ()))
                if expect
                else ()
            ):
                yield from missing(path, server_name)
    if scenario.size:
        yield from missing(("size", "server"), scenario.size.server)


def machines_are_listed_or_ranged(scenario: Scenario) -> Found:
    """Machines to choose from have prices, or are made of ranges: with both, the ranges would be passed over in silence."""
    if scenario.size and scenario.size.candidates and scenario.size.ranges:
        yield (
            ("size", "ranges"),
            "'candidates' are there too, and these ranges would not be looked at; leave one of them out",
        )


def roles_share_machines_that_stand_alone(scenario: Scenario) -> Found:
    """A role runs on a machine, not on another role, and says nothing of its own machine."""
    for name, server in scenario.servers.items():
        host = scenario.servers.get(server.runs_on or "")
        if host is None:
            continue
        if server.runs_on == name or host.runs_on is not None:
            yield (
                ("servers", name, "runs_on"),
                f"{server.runs_on!r} is itself a role without a machine; name a server that has one",
            )
        if server.site is not None and server.site != host.site:
            yield (
                ("servers", name, "site"),
                f"it runs on {server.runs_on!r}, which stands in {host.site!r}; leave 'site' out",
            )
        for key in ("host", "address"):
            if getattr(server, key) is not None:
                yield ("servers", name, key), f"mail reaches it through {server.runs_on!r}; leave {key!r} out"
        if server.capacity.cores is not None:
            yield (
                ("servers", name, "capacity", "cores"),
                f"it shares the cores of {server.runs_on!r}; leave 'cores' out",
            )


def relays_know_where_to_send(scenario: Scenario) -> Found:
    """A relay that runs on another server and has no smart host of its own sends where that server's smart host says."""
    for name, server in scenario.of_kind(RelayServer).items():
        host = scenario.servers.get(server.runs_on or "")
        if host is not None and server.smart_host is None and not _smart_hosts(host):
            yield ("servers", name), f"it has no smart_host, and neither has {server.runs_on!r}; write one of them"


def _smart_hosts(server: object) -> list[str]:
    one = getattr(server, "smart_host", None)
    return [one] if one else [h for connector in getattr(server, "send_connectors", ()) for h in connector.smart_hosts]


def hosts_are_not_shared(scenario: Scenario) -> Found:
    """No two servers answer to one host name at one port."""
    seen: dict[tuple[str, int], str] = {}
    for name, server in scenario.servers.items():
        if server.host is None:
            continue
        other = seen.setdefault((server.host.casefold().rstrip("."), server.port), name)
        if other != name:
            yield ("servers", name, "host"), f"{server.host} is already the host of {other!r}"


def hosts_are_hosts(scenario: Scenario) -> Found:
    """A server's host is a host name, its address an IP address, and an external server has a domain."""
    for name, server in scenario.servers.items():
        if server.host is not None and not is_host_name(server.host):
            yield (
                ("servers", name, "host"),
                f"{server.host!r} is no host name; write for example 'mail.{scenario.domain}'",
            )
        if server.address is not None and not _is_address(server.address):
            yield ("servers", name, "address"), f"{server.address!r} is no IP address; write for example '192.0.2.10'"
        if isinstance(server, ExternalServer) and not server.domain:
            yield ("servers", name, "domain"), "an external server needs a domain"


def is_host_name(text: str) -> bool:
    """May a server's host be called so."""
    return _HOST.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def domains_are_written_as_domains(scenario: Scenario) -> Found:
    """``*.domain`` stands for the domains below it only where the product knows that; elsewhere it would match nothing."""
    for name, server in scenario.servers.items():
        for key in (*server.domain_keys, *server.domain_pattern_keys):
            for domain in getattr(server, key) or ():
                plain = domain.removeprefix("*.") if key in server.domain_pattern_keys else domain
                if not is_host_name(plain):
                    yield (
                        ("servers", name, key),
                        f"{domain!r} is no domain, and would match nothing; write each domain out",
                    )


RULES: tuple[Callable[[Scenario], Found], ...] = (
    sites_exist,
    bandwidth_is_said_once,
    background_leaves_room,
    sites_are_joined,
    servers_exist,
    machines_are_listed_or_ranged,
    roles_share_machines_that_stand_alone,
    relays_know_where_to_send,
    hosts_are_hosts,
    hosts_are_not_shared,
    people_checks.people_have_addresses_of_their_own,
    people_checks.whom_only_the_service_knows_it_has,
    people_checks.people_exist,
    people_checks.mail_addresses_are_addresses,
    run_checks.outages_name_what_exists,
    run_checks.outages_begin_in_the_run,
    people_checks.nameless_people_have_a_server,
    people_checks.copies_have_somewhere_to_go,
    domains_are_written_as_domains,
    run_checks.windows_are_in_order,
    run_checks.outages_can_be_counted,
    run_checks.moves_can_be_counted,
    run_checks.mailings_know_their_senders,
)
