"""Trial designs on patients whose outcome at every dose is known: dose finding and comparison."""

from tcellabm.analysis.designs.boin import Boin
from tcellabm.analysis.designs.characteristics import (
    DESIGNS,
    characteristics,
    operating_characteristics,
)
from tcellabm.analysis.designs.crm import Crm
from tcellabm.analysis.designs.three_plus_three import ThreePlusThree
from tcellabm.analysis.designs.utility import Utility

__all__ = [
    "DESIGNS",
    "Boin",
    "Crm",
    "ThreePlusThree",
    "Utility",
    "characteristics",
    "operating_characteristics",
]
