"""COGS logical forms (Kim & Linzen 2020): `* cat ( x _ 1 ) ; see . agent ( x _ 2 , x _ 1 )`."""

import re
from dataclasses import dataclass

from envs.languages.base import Language, Malformed, Names, Symbols
from envs.languages.matching import Fact, same_up_to_names

VARIABLE = re.compile(r"x _ \d+|[a-e]")
ATOM = re.compile(r"(?P<star>\* )?(?P<name>[^\W\d]\w*)(?P<roles>(?: \. [a-z]+)*) \( (?P<arguments>[^()]*?) \)")
LAMBDA = re.compile(r"LAMBDA ([a-e]) \. ")
SPACES = re.compile(r"\s+")
MOST = 100  # conjuncts


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate, its role if it has one, and variables and proper names. `definite` is the star."""

    definite: bool
    predicate: str
    roles: tuple[str, ...]
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        star = "* " if self.definite else ""
        return f"{star}{' . '.join((self.predicate, *self.roles))} ( {' , '.join(self.arguments)} )"


@dataclass(frozen=True, slots=True)
class Form:
    """A conjunction under lambdas; or, for a lone proper name, that name and no atom."""

    lambdas: tuple[str, ...]
    atoms: tuple[Atom, ...]
    lone: str = ""


class Cogs(Language[Form]):
    """Logical forms. Predicates and proper names are symbols; roles such as agent are keywords."""

    name = "cogs"
    reserved = frozenset({"AND", "LAMBDA", "x", *"abcde"})

    def _parse(self, text: str) -> Form:
        if re.fullmatch(r"\s*[A-Z][a-z]+\s*", text):
            return Form((), (), text.strip())
        spaced = SPACES.sub(" ", text)
        if spaced != text:
            return self._spaced(text)
        at, lambdas, atoms = 0, [], []
        while found := LAMBDA.match(text, at):
            lambdas.append(found[1])
            at = found.end()
        while True:
            found = ATOM.match(text, at)
            if found is None:
                raise Malformed("no predicate with its arguments stands here", at)
            arguments = tuple(found["arguments"].split(" , "))
            for argument in arguments:
                if not VARIABLE.fullmatch(argument) and not re.fullmatch(r"[^\W\d]\w*", argument):
                    raise Malformed(f"{argument!r:.40} is no variable and no name", found.start("arguments"))
            if len(arguments) != (2 if found["roles"] else 1):
                raise Malformed(f"{found['name']} has {len(arguments)} arguments; with a role 2, else 1", found.start())
            roles = tuple(found["roles"].split(" . ")[1:])
            atoms.append(Atom(bool(found["star"]), found["name"], roles, arguments))
            joint = " ; " if found["star"] else " AND "
            at = found.end()
            if at == len(text):
                return Form(tuple(lambdas), tuple(atoms))
            if not text.startswith(joint, at) or len(atoms) == MOST:
                raise Malformed(f"{joint.strip()!r} is missing here", at)
            at += len(joint)

    def _spaced(self, text: str) -> Form:
        """Reads it with single spaces, and tells where in the text as it was something is wrong."""
        places = [found.start() for found in re.finditer(r"\s+|\S", text)] + [len(text)]
        lead = len(text) - len(text.lstrip())
        try:
            return self._parse(SPACES.sub(" ", text).strip())
        except Malformed as fault:
            raise Malformed(fault.message, places[min(fault.position + bool(lead), len(places) - 1)]) from None

    def print(self, tree: Form) -> str:
        if tree.lone:
            return tree.lone
        joints = [" ; " if atom.definite else " AND " for atom in tree.atoms]
        joints[-1] = ""
        head = "".join(f"LAMBDA {name} . " for name in tree.lambdas)
        return head + "".join(f"{atom}{joint}" for atom, joint in zip(tree.atoms, joints, strict=True))

    def equal(self, gold: Form, tree: Form) -> bool:
        """The same conjuncts, in any order, under some renaming of variables."""
        if (gold.lone, len(gold.lambdas)) != (tree.lone, len(tree.lambdas)):
            return False
        return same_up_to_names(_facts(gold), _facts(tree), lambda name: VARIABLE.fullmatch(name) is not None)

    def symbols(self, tree: Form) -> Symbols:
        names = {one for atom in tree.atoms for one in atom.arguments if not VARIABLE.fullmatch(one)}
        return {
            "predicate": frozenset(atom.predicate for atom in tree.atoms),
            "name": frozenset(names | ({tree.lone} if tree.lone else set())),
        }

    def spells(self, kind: str, name: str) -> bool:
        return super().spells(kind, name) and (kind != "name" or name[:1].isupper())

    def _rename(self, tree: Form, names: Names) -> Form:
        def new(name: str) -> str:
            return names["name"].get(name, name)

        atoms = (
            Atom(one.definite, names["predicate"][one.predicate], one.roles, tuple(map(new, one.arguments)))
            for one in tree.atoms
        )
        return Form(tree.lambdas, tuple(atoms), new(tree.lone))


def _facts(tree: Form) -> list[Fact]:
    facts = [((atom.definite, atom.predicate, atom.roles), atom.arguments) for atom in tree.atoms]
    return [*facts, *((("lambda", place), (name,)) for place, name in enumerate(tree.lambdas))]
