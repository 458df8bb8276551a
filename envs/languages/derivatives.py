"""Whether two regular expressions match the same texts, with intersection, complement and word boundaries.

By derivatives (Brzozowski 1964). A derivative is taken at a place between two characters, so that a boundary matches
or not by what stands on both sides (Moseley et al. 2023). No library at hand has all three operators.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Sequence

CHARACTERS = frozenset(map(chr, range(32, 127)))
WORD = frozenset(one for one in CHARACTERS if one.isalnum() or one == "_")
MOST = 20_000  # expressions made, and pairs of them compared, before a question is given up

Node = int  # expressions are numbered: equal numbers, equal expressions


class TooLargeError(Exception):
    """More expressions came up than MOST."""


class Expressions:
    """Makes expressions, each once, simplified as far as makes the number of derivatives finite."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Node] = {}
        self._kinds: list[str] = []
        self._parts: list[tuple[Node, ...]] = []
        self._sets: dict[Node, frozenset[str]] = {}
        self._derived: dict[tuple[Node, str, bool], Node] = {}
        self.nothing, self.empty, self.boundary = (self._make(kind) for kind in ("nothing", "empty", "boundary"))
        self.all = self._make("not", (self.nothing,))

    def _make(self, kind: str, parts: tuple[Node, ...] = (), characters: frozenset[str] = frozenset()) -> Node:
        key = (kind, parts, characters)
        if key not in self._known:
            if len(self._kinds) >= MOST:
                raise TooLargeError
            self._known[key] = len(self._kinds)
            self._sets[len(self._kinds)] = characters
            self._kinds.append(kind)
            self._parts.append(parts)
        return self._known[key]

    @property
    def sets(self) -> Collection[frozenset[str]]:
        """The sets of characters in use."""
        return set(self._sets.values())

    def one_of(self, characters: frozenset[str]) -> Node:
        return self._make("set", (), characters) if characters else self.nothing

    def then(self, first: Node, second: Node) -> Node:
        if self.nothing in (first, second):
            return self.nothing
        if first == self.empty or (first == self.all == second):
            return second
        if second == self.empty:
            return first
        if self._kinds[first] == "then":
            head, tail = self._parts[first]
            return self.then(head, self.then(tail, second))
        return self._make("then", (first, second))

    def star(self, one: Node) -> Node:
        if one in (self.nothing, self.empty):
            return self.empty
        if self._kinds[one] == "star" or one == self.all:
            return one
        return self.all if self._sets[one] == CHARACTERS else self._make("star", (one,))

    def negation(self, one: Node) -> Node:
        return self._parts[one][0] if self._kinds[one] == "not" else self._make("not", (one,))

    def union(self, parts: Iterable[Node]) -> Node:
        return self._joined("or", parts, none=self.nothing, whole=self.all)

    def intersection(self, parts: Iterable[Node]) -> Node:
        return self._joined("and", parts, none=self.all, whole=self.nothing)

    def _joined(self, kind: str, parts: Iterable[Node], none: Node, whole: Node) -> Node:
        found = {one for part in parts for one in (self._parts[part] if self._kinds[part] == kind else (part,))}
        found.discard(none)
        if whole in found or any(self.negation(one) in found for one in found if self._kinds[one] == "not"):
            return whole
        if len(found) < 2:
            return found.pop() if found else none
        return self._make(kind, tuple(sorted(found)))

    def nullable(self, node: Node, boundary: bool) -> bool:
        """Whether it matches the empty text at a place that is a boundary, or is none."""
        kind, parts = self._kinds[node], self._parts[node]
        match kind:
            case "empty" | "star":
                return True
            case "boundary":
                return boundary
            case "then" | "and":
                return all(self.nullable(part, boundary) for part in parts)
            case "or":
                return any(self.nullable(part, boundary) for part in parts)
            case "not":
                return not self.nullable(parts[0], boundary)
        return False

    def derivative(self, node: Node, character: str, boundary: bool) -> Node:
        """What is left to match after a character that stands behind a boundary, or behind none."""
        key = (node, character, boundary)
        if key not in self._derived:
            self._derived[key] = self._derive(node, character, boundary)
        return self._derived[key]

    def _derive(self, node: Node, character: str, boundary: bool) -> Node:
        kind, parts = self._kinds[node], self._parts[node]
        match kind:
            case "set":
                return self.empty if character in self._sets[node] else self.nothing
            case "star":
                return self.then(self.derivative(parts[0], character, boundary), node)
            case "then":
                left = self.then(self.derivative(parts[0], character, boundary), parts[1])
                if not self.nullable(parts[0], boundary):
                    return left
                return self.union([left, self.derivative(parts[1], character, boundary)])
            case "not":
                return self.negation(self.derivative(parts[0], character, boundary))
            case "or" | "and":
                join = self.union if kind == "or" else self.intersection
                return join([self.derivative(part, character, boundary) for part in parts])
        return self.nothing

    def matches(self, node: Node, text: str) -> bool:
        """Whether it matches the whole text."""
        in_word = False
        for character in text:
            node = self.derivative(node, character, in_word != (character in WORD))
            in_word = character in WORD
        return self.nullable(node, in_word)

    def difference(self, one: Node, other: Node) -> str | None:
        """A shortest text that only one of the two matches; None when there is none. Raises TooLargeError."""
        alphabet = self._representatives()
        seen, waiting = {(one, other, False)}, deque([(one, other, False, "")])
        while waiting:
            left, right, in_word, text = waiting.popleft()
            if self.nullable(left, in_word) != self.nullable(right, in_word):
                return text
            for character in alphabet:
                boundary = in_word != (character in WORD)
                one, other = (self.derivative(node, character, boundary) for node in (left, right))
                state = (one, other, character in WORD)
                if one != other and state not in seen:
                    if len(seen) >= MOST:
                        raise TooLargeError
                    seen.add(state)
                    waiting.append((*state, text + character))
        return None

    def _representatives(self) -> Sequence[str]:
        """One character of each kind that the expressions tell apart."""
        kinds = {tuple(one in chosen for chosen in (WORD, *self.sets)): one for one in sorted(CHARACTERS, reverse=True)}
        return sorted(kinds.values())
