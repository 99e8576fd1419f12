"""Mail that goes on from a server: to other domains, and for its own domains by the route for them."""

from __future__ import annotations

from coexsim.mail.case import Case, Disposition
from coexsim.mail.dns import hop_to_domain
from coexsim.mail.message import NextHop, Rcpt, domain_of
from coexsim.mail.policy import DomainRule
from coexsim.mail.route_table import RouteEntry

RESERVED = ("test", "example", "invalid", "localhost", "example.com", "example.net", "example.org")  # RFC 2606


def relay(case: Case, rcpt: Rcpt, rule: DomainRule, name: str, reason: str) -> Disposition:
    """A recipient of this server's own domain that goes on: by the route for the domain, usually the smart host."""
    policy, size_bytes = case.policy, case.envelope.size_bytes
    route = policy.route_for(rcpt.address, size_bytes, named=not rule.any_route)
    if route is not None:
        return case.to_hop(rcpt, route, name, f"{reason}; {where_to(route, rcpt)}")
    if policy.route_for(rcpt.address, 0, named=not rule.any_route) is not None:
        return case.fail(rcpt, "too-big", "size-limit", f"no connector takes {size_bytes} bytes")
    detail = "no smart host is set" if policy.sends_outside else "SMTP for leaving the server is disabled"
    return case.fail(rcpt, "no-smart-host", "no-smart-host", f"{reason}; {detail}")


def send_outside(case: Case, rcpt: Rcpt) -> Disposition:
    """A recipient of another domain."""
    policy = case.policy
    form = policy.form_not_taken(rcpt.address)
    if form is not None:
        return case.fail(rcpt, form, "address-literal", f"{domain_of(rcpt.address)} is an IP address and no domain")
    reserved = _reserved(domain_of(rcpt.address)) if policy.rejects_reserved_domains else None
    if reserved is not None:
        cause = "reserved-second-level-domain" if "." in reserved else "reserved-domain"
        return case.fail(rcpt, cause, "reserved-domain", f"{domain_of(rcpt.address)} is reserved by RFC 2606")
    tenant = policy.other_tenants.get(domain_of(rcpt.address))
    if tenant is not None:
        within = RouteEntry(domain_of(rcpt.address), NextHop(tenant, by_mx=False), "other-tenant-of-the-service")
        reason = f"{domain_of(rcpt.address)} is another tenant's of the same service; sent to {tenant}, whatever its MX"
        return case.to_hop(rcpt, within, within.rule, reason)
    if policy.passes_first is not None and case.came_from == "own-user":  # a notice that the service wrote [PS-OC]
        first = RouteEntry(domain_of(rcpt.address), policy.passes_first, "centralised-transport")
        return case.to_hop(
            rcpt, first, first.rule, f"what the service itself sends out leaves by {policy.passes_first.name}"
        )
    route = policy.route_for(rcpt.address, case.envelope.size_bytes)
    if route is not None:
        return case.to_hop(
            rcpt,
            route,
            route.rule,
            f"{domain_of(rcpt.address)} is not a domain of this server; {where_to(route, rcpt)}",
        )
    if policy.route_for(rcpt.address, 0) is not None:
        return case.fail(rcpt, "too-big", "size-limit", f"no connector takes {case.envelope.size_bytes} bytes")
    detail = "no connector for this domain" if policy.sends_outside else "SMTP for leaving the server is disabled"
    return case.fail(rcpt, "no-route", "no-route", detail, detail)


def _reserved(domain: str) -> str | None:
    """The one of RFC 2606's domains that it is or lies below."""
    return next((one for one in RESERVED if f".{domain}".endswith(f".{one}")), None)


def where_to(route: RouteEntry, rcpt: Rcpt) -> str:
    """Where a route sends a recipient's mail, in words."""
    if route.hop is None:
        hop = hop_to_domain(domain_of(rcpt.address))
        return f"sent by the MX of {hop.name}" if hop.by_mx else f"sent to the address {hop.name}"
    return f"sent to {'smart host ' if route.to_smart_host else ''}{route.hop.destination}"
