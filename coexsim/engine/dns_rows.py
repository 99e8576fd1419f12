"""DNS as rows for the kernel: the MX rules as steps that follow from answers, name servers' answers, and hosts in the order to try them."""

from __future__ import annotations

from coexsim.engine.arrays import Arrays
from coexsim.engine.layout import EPOCH, OUT_OF_REACH
from coexsim.engine.numbering import Numbers
from coexsim.mail.delivery import dns_reply
from coexsim.mail.dns import Answer, DnsFailure, MailHost, MailHosts, Question, in_order, server_behind
from coexsim.mail.message import NextHop
from coexsim.mail.policy import Policy
from coexsim.mail.reach import mx_lookup
from coexsim.mail.replies import CLIENT_PRODUCT
from coexsim.sim.dns_server import mx_lots
from coexsim.sim.world import World

TIMEOUT = Answer("TIMEOUT")


class DnsRows:
    """The next hops of one run, each as one server sees it."""

    def __init__(self, world: World, arrays: Arrays, index: dict[str, int], replies: Numbers) -> None:
        self.world, self.arrays, self.index, self._replies = world, arrays, index, replies
        self.hops: list[tuple[str, NextHop]] = []
        self.questions: list[tuple[str, Question, bool]] = []
        self.node_path: list[tuple[int, tuple[Answer, ...]]] = []  # by node: its hop, and the answers that lead to it
        self.found: dict[int, MailHosts] = {}  # by node
        self._hop: dict[tuple[str, NextHop], int] = {}
        self._question: dict[tuple[str, Question, bool], int] = {}
        self._answers = Numbers()
        self._hosts: dict[tuple[int, ...], int] = {}
        self.answer(TIMEOUT)

    def hop(self, server: str, hop: NextHop, *, of_client: bool = False) -> int:
        """A next hop as a server sees it; `of_client`: as a user's own machine beside it does, which knows no host as itself."""
        name = f"a client of {server} {len(self.hops)}" if of_client else server
        if (name, hop) not in self._hop:
            senders = 1 if of_client else len(self.world.servers[server].resolvers)
            number = len(self.hops)
            self.hops.append((name, hop))
            self._hop[name, hop] = number
            first = self.arrays.reserve("known", senders)
            assert self.arrays.append("destinations", [(0.0, 0.0, -1.0, 0, -1)] * senders) == first
            self.arrays["known"]["until"][first : first + senders] = -1.0
            round_trip_s = self.world.servers[server].resolvers.round_trip_s
            node = self._node(number, ())
            self.arrays.append("hops", [(node, first, self.index[server], hop.external_dns, round_trip_s)])
        return self._hop[name, hop]

    def _policy(self, name: str) -> Policy | None:
        return self.world.setup.policies.get(name)

    def _node(self, hop: int, answers: tuple[Answer, ...]) -> int:
        """A step of the MX rules for a hop, after these answers."""
        name, target = self.hops[hop]
        asking = mx_lookup(target, self._policy(name))
        found: MailHosts | DnsFailure | None = None
        question = None
        try:
            question = next(asking)
            for answer in answers:
                question = asking.send(answer)
        except StopIteration as end:
            found, question = end.value, None
        node = len(self.node_path)
        self.node_path.append((hop, answers))
        if question is not None:
            row = (self._question_of(name, question, target.external_dns), -1, -1, -1, 0, 0)
        elif isinstance(found, MailHosts):
            self.found[node] = found
            row = (-1, -1, self._sure_hosts(name, found), -1, 0, 0)
        else:
            assert found is not None
            policy = self._policy(name)
            found = policy.dns_failure(found, target) if policy else found
            said = dns_reply(policy.product if policy else CLIENT_PRODUCT, found._replace(reason=""), ())
            row = (-1, -1, -1, self._replies.of(said), int(found.temporary) + int(found.frozen), 0)
        assert self.arrays.append("nodes", [row]) == node
        return node

    def _question_of(self, name: str, question: Question, external: bool) -> int:
        key = (name, question, external)
        if key not in self._question:
            self._question[key] = len(self.questions)
            self.questions.append(key)
            server = self.world.servers.get(name)
            senders = len(server.resolvers) if server else 1
            first = self.arrays.append("cached", [(-1.0, -1, -1, -1, 0)] * senders)
            self.arrays.append("questions", [(first, -1, -1, 0, 0, 0)])
        return self._question[key]

    def answer(self, answer: Answer) -> int:
        """The number of an answer."""
        number = self._answers.of(answer)
        if number == self.arrays.used("answers"):
            self.arrays.append("answers", [(answer.ttl_s, int(answer.temporary), int(answer.status == "TIMEOUT"))])
        return number

    def ask_answer(self, number: int) -> None:
        """What the name servers say just now."""
        _, question, external = self.questions[number]
        said = self.answer(self.world.setup.answer(question, self.world.state, external=external))
        row = self.arrays["questions"][number]
        row["answer"], row["epoch"] = said, int(self.arrays["ints"][EPOCH])

    def ask_edge(self, node: int, number: int) -> None:
        """The step of the MX rules that follows an answer."""
        hop, answers = self.node_path[node]
        to = self._node(hop, (*answers, list(self._answers)[number]))
        row = self.arrays["nodes"][node]
        row["child"] = self.arrays.append("edges", [(number, to, int(row["child"]))])

    def _server_at(self, address: str, port: int, policy: Policy | None) -> int:
        name = server_behind(self.world.setup.server_at, address, port)
        if name is None:
            return -1
        reached = ":" not in address or policy is None or policy.ipv6_works
        return self.index[name] if reached else OUT_OF_REACH - self.index[name]

    def hosts(self, servers: tuple[int, ...]) -> int:
        """The number of hosts in the order to try them, each as in the array `host_server`."""
        if servers not in self._hosts:
            first = self.arrays.append("host_server", list(servers))
            self._hosts[servers] = self.arrays.append("hosts", [(first, first + len(servers))])
        return self._hosts[servers]

    def _addresses(self, name: str, hosts: list[MailHost]) -> int:
        policy = self._policy(name)
        most = policy.mx_address_limit if policy else None
        listeners = [(address, host.port) for host in hosts for address in host.addresses]
        return self.hosts(tuple(self._server_at(*each, policy) for each in listeners[:most]))

    def _sure_hosts(self, name: str, found: MailHosts) -> int:
        """The hosts of a next hop, where no lots decide about their order; else -1."""
        if any(len(group) != 1 for group in found.groups):
            return -1
        return self._addresses(name, [group[0] for group in found.groups])

    def ask_lot(self, node: int, mail: int, attempts: int) -> int:
        """The hosts of a next hop by the lots that mail and attempt give (``Transfer._resolve``)."""
        world, found = self.world, self.found[node]
        lots = mx_lots(world.seed, world.replication, found, mail, attempts)
        name, _ = self.hops[self.node_path[node][0]]
        return self._addresses(name, in_order(found, lots))

    def used(self, node: int) -> list[int]:
        """The questions on which what became of the MX rules rests; none for a host that is given by address."""
        hop, answers = self.node_path[node]
        if not answers:
            return []
        name, target = self.hops[hop]
        asking = mx_lookup(target, self._policy(name))
        asked = [self._question[name, next(asking), target.external_dns]]
        for answer in answers[:-1]:
            asked.append(self._question[name, asking.send(answer), target.external_dns])
        return asked
