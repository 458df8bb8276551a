"""SMILES: molecules as lines of text, read and compared by RDKit."""

import re
from dataclasses import dataclass

from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import rdFingerprintGenerator

from envs.languages.base import Language, Malformed, Names, Symbols

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # its complaints are our errors
FINGERPRINT = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
STRANGE = re.compile(r"[^A-Za-z0-9@+\-\[\]()=#$:/\\.%*~>]")


@dataclass(frozen=True, slots=True)
class Molecule:
    """A molecule by its canonical SMILES."""

    smiles: str


class Smiles(Language[Molecule]):
    """Molecules that have valid valences. Nothing in them is defined by a user."""

    name = "smiles"

    def _parse(self, text: str) -> Molecule:
        text = text.strip()
        if not text:
            raise Malformed("there is no molecule")
        if strange := STRANGE.search(text):
            raise Malformed(f"{strange[0]!r} belongs to no SMILES", strange.start())
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            raise Malformed("it is no molecule: brackets, rings or valences are wrong", len(text))
        smiles = Chem.MolToSmiles(molecule)
        # Once more: what RDKit prints is not always what it prints again.
        again = Chem.MolFromSmiles(smiles)
        return Molecule(smiles if again is None else Chem.MolToSmiles(again))

    def print(self, tree: Molecule) -> str:
        return tree.smiles

    def equal(self, gold: Molecule, tree: Molecule) -> bool:
        """One molecule, however it is written: the same canonical SMILES or the same InChIKey."""
        return gold == tree or ((key := _inchi_key(gold)) == _inchi_key(tree) and bool(key))

    def score(self, gold: Molecule, tree: Molecule) -> float:
        """1 for one molecule, else the Tanimoto similarity of Morgan fingerprints, kept below 1."""
        if self.equal(gold, tree):
            return 1.0
        prints = [FINGERPRINT.GetFingerprint(Chem.MolFromSmiles(one.smiles)) for one in (gold, tree)]
        return min(float(DataStructs.TanimotoSimilarity(*prints)), 0.999)

    def symbols(self, tree: Molecule) -> Symbols:
        return {}

    def _rename(self, tree: Molecule, names: Names) -> Molecule:
        return tree


def _inchi_key(tree: Molecule) -> str:
    return str(Chem.MolToInchiKey(Chem.MolFromSmiles(tree.smiles)) or "")
