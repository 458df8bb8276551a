"""Java and Go functions, parsed by tree-sitter: compared by their tokens, up to layout and names of local variables."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

import tree_sitter
import tree_sitter_go
import tree_sitter_java

from envs.languages.base import Language, Malformed, Names, Symbols, words


@dataclass(frozen=True, slots=True)
class Token:
    """A word, sign or literal. `free`: a name from elsewhere, that a variable would hide. `line`: it began a line."""

    text: str
    variable: bool = False
    free: bool = False
    line: bool = field(default=False, compare=False)


class Grammar(NamedTuple):
    """What tells local variables from other names, by types of nodes and by fields of them."""

    library: object
    literals: frozenset[str]  # nodes that are one token
    local: frozenset[str]  # nodes that declare what their field `name` or `left` names
    elsewhere: frozenset[str]  # nodes around a declaration of what is not local
    other: frozenset[tuple[str, str]]  # node and field of an identifier that is no variable
    filler: frozenset[str] = frozenset()  # signs that a line break may stand for


JAVA = Grammar(
    tree_sitter_java.language(),
    frozenset({"string_literal", "character_literal"}),
    frozenset(
        {"formal_parameter", "variable_declarator", "enhanced_for_statement", "catch_formal_parameter", "resource"}
    ),
    frozenset({"field_declaration", "constant_declaration"}),
    frozenset(
        {(node, "name") for node in ("method_invocation", "method_declaration", "class_declaration", "annotation")}
        | {
            ("marker_annotation", "name"),
            ("field_access", "field"),
            ("element_value_pair", "key"),
            ("method_reference", ""),
        }
    ),
)
GO = Grammar(
    tree_sitter_go.language(),
    frozenset({"interpreted_string_literal", "raw_string_literal", "rune_literal"}),
    frozenset({"parameter_declaration", "variadic_parameter_declaration", "short_var_declaration", "range_clause"})
    | {"var_spec", "const_spec"},
    frozenset({"source_file > var_declaration", "source_file > const_declaration"}),
    frozenset({("function_declaration", "name"), ("literal_element", ""), ("keyed_element", "key")}),
    frozenset({";"}),
)


class Code(Language[tuple[Token, ...]]):
    """Functions of one programming language. Local variables and parameters are symbols."""

    grammar: ClassVar[Grammar]

    def __init__(self) -> None:
        self._language = tree_sitter.Language(self.grammar.library)

    def _parse(self, text: str) -> tuple[Token, ...]:
        data = text.encode("utf-8", "surrogatepass")
        root = tree_sitter.Parser(self._language).parse(data).root_node
        if root.has_error:
            bad = next((node for node in _nodes(root) if node.is_error or node.is_missing), root)
            at = len(data[: bad.start_byte].decode("utf-8", "ignore"))
            raise Malformed(
                f"{data[bad.start_byte : bad.end_byte].decode('utf-8', 'ignore')!r:.40} cannot stand here", at
            )
        tokens = tuple(self._tokens(root))
        if not tokens:
            raise Malformed("there is no code", len(text))
        return tokens

    def _tokens(self, root: tree_sitter.Node) -> Iterator[Token]:
        leaves = list(_leaves(root, self.grammar.literals))
        local, fixed = self._declared(root, leaves)
        row = leaves[0].start_point.row if leaves else 0
        for leaf in leaves:
            name = (leaf.text or b"").decode("utf-8", "replace")
            named = leaf.type.endswith("identifier") and leaf.type != "field_identifier" and not self._is_other(leaf)
            variable = named and leaf.type == "identifier" and name in local - fixed
            yield Token(name, variable, named and not variable, leaf.start_point.row > row)
            row = leaf.end_point.row

    def _declared(self, root: tree_sitter.Node, leaves: list[tree_sitter.Node]) -> tuple[set[str], set[str]]:
        """The names of local variables, and those that also name something else."""
        local: set[str] = set()
        fixed: set[str] = set()
        for leaf in leaves:
            name = (leaf.text or b"").decode("utf-8", "replace")
            if leaf.type == "identifier":
                place = _declaration(leaf, self.grammar)
                if place:
                    (local if place == "local" else fixed).add(name)
                elif self._is_other(leaf) and leaf.parent is not None and leaf.parent.type == "literal_element":
                    fixed.add(name)
        return local, fixed

    def _is_other(self, leaf: tree_sitter.Node) -> bool:
        parent = leaf.parent
        if parent is None:
            return False
        if (parent.type, "") in self.grammar.other:
            return parent.type != "method_reference" or parent.children[0] != leaf
        return any(
            (parent.type, name) in self.grammar.other and parent.child_by_field_name(name) == leaf
            for name in ("name", "field", "key")
        )

    def print(self, tree: tuple[Token, ...]) -> str:
        """The tokens, without comments, on the lines on which they stood."""
        return "".join(f"{'' if not at else chr(10) if one.line else ' '}{one.text}" for at, one in enumerate(tree))

    def equal(self, gold: tuple[Token, ...], tree: tuple[Token, ...]) -> bool:
        """The same tokens, up to layout and the names of local variables."""
        return self._nameless(gold) == self._nameless(tree)

    def _nameless(self, tree: tuple[Token, ...]) -> list[str | int]:
        order = {name: number for number, name in enumerate(dict.fromkeys(one.text for one in tree if one.variable))}
        return [order[one.text] if one.variable else one.text for one in tree if one.text not in self.grammar.filler]

    def taken(self, tree: tuple[Token, ...]) -> frozenset[str]:
        return frozenset(one.text for one in tree if one.free)

    def symbols(self, tree: tuple[Token, ...]) -> Symbols:
        return {"variable": frozenset(one.text for one in tree if one.variable)}

    def _rename(self, tree: tuple[Token, ...], names: Names) -> tuple[Token, ...]:
        return tuple(replace(one, text=names["variable"][one.text]) if one.variable else one for one in tree)


class Java(Code):
    """Methods and classes of Java."""

    name = "java"
    grammar = JAVA
    reserved = words(
        "abstract assert boolean break byte case catch char class const continue default do double else enum extends "
        "final finally float for goto if implements import instanceof int interface long native new package private "
        "protected public return short static strictfp super switch synchronized this throw throws transient try void "
        "volatile while true false null var record yield"
    )


class Go(Code):
    """Functions and files of Go."""

    name = "go"
    grammar = GO
    reserved = words(
        "break case chan const continue default defer else fallthrough for func go goto if import interface map "
        "package range return select struct switch type var true false nil iota _ append cap close complex copy "
        "delete imag len make new panic print println real recover bool byte error float32 float64 int int8 int16 "
        "int32 int64 rune string uint uint8 uint16 uint32 uint64 any min max clear"
    )


def _nodes(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Every node in the order of the text, without recursion."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _leaves(root: tree_sitter.Node, literals: frozenset[str]) -> Iterator[tree_sitter.Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type.endswith("comment"):
            continue
        if node.child_count and node.type not in literals:
            waiting.extend(reversed(node.children))
        elif (node.text or b"").strip():
            yield node


def _declaration(leaf: tree_sitter.Node, grammar: Grammar) -> str:
    """Whether an identifier is declared where it stands: "local", "elsewhere", or empty where it is only used."""
    node: tree_sitter.Node | None = leaf.parent
    child: tree_sitter.Node | None = leaf
    while node is not None and node.type in ("expression_list", "inferred_parameters"):
        child = node
        node = node.parent
    if node is None:
        return ""
    named = [node.child_by_field_name("left"), *node.children_by_field_name("name")]
    if node.type == "lambda_expression":
        return "local" if node.child_by_field_name("parameters") == child else ""
    if node.type not in grammar.local or child not in named:
        return "elsewhere" if child in named and node.type.endswith("declaration") else ""
    if node.type in ("short_var_declaration", "range_clause") and leaf.text == b"_":
        return ""
    above = node.parent.type if node.parent else ""
    outer = f"{node.parent.parent.type} > {above}" if node.parent and node.parent.parent else ""
    return "elsewhere" if {above, outer} & grammar.elsewhere else "local"
