"""Words of the trade, each explained in a line: what the page shows when one is pointed at."""

GLOSSARY = {
    "CAR T cell": "A T cell of the patient, given a receptor (CAR) that recognizes CD19.",
    "CD19": "A molecule on B cells and on most B-cell leukemia; what these CAR T cells look for.",
    "memory": "A CAR T cell at rest, long-lived; it can become an effector again.",
    "effector": "A CAR T cell that divides and kills.",
    "exhausted": "A CAR T cell worn out by antigen: it hardly kills and no longer divides.",
    "B cell": "A healthy cell that carries CD19 and is killed too; its absence is called aplasia.",
    "myeloid": "Monocytes and macrophages; when activated, they make the IL-6 and IL-1 of CRS.",
    "MRD": "Minimal residual disease: leukemia that only a laboratory finds, about 1 in 10,000.",
    "CRS": "Cytokine release syndrome: fever, then low blood pressure and lack of oxygen.",
    "ICANS": "Immune effector cell-associated neurotoxicity syndrome: what IL-1, IFN-γ and leaky "
    "vessels do to the brain, often days after CRS. Confusion, then seizures; at worst it swells.",
    "IL-6": "Interleukin-6, a messenger that causes fever and leaky vessels; from myeloid cells.",
    "IFN-γ": "Interferon gamma, a messenger from CAR T cells that meet their target.",
    "tocilizumab": "A drug that blocks the receptor of IL-6.",
    "dexamethasone": "A steroid: less of all cytokines, and a little less T cell division.",
    "anakinra": "A drug that blocks the receptor of IL-1, for a day or two. Some of it reaches the "
    "brain, where tocilizumab does not: it is tried when a steroid has not helped.",
    "second dose": "More CAR T cells of the same product, at the dose of the slider.",
    "ICU": "Intensive care unit: for a drug for blood pressure, much oxygen, or severe ICANS.",
    "ASTCT": "The consensus scale of CRS (2019), grade 0 to 5, by the support a patient needs.",
    "remission": "Less than 5 % leukemic cells in the marrow and none seen in blood.",
    "relapse": "Leukemia that is back after a remission.",
    "smear": "Cells of one small place of the marrow, as under a microscope.",
    "seed": "The number that makes this patient: the same number, the same patient.",
}
# What a patient of an ASTCT grade is like, from 0 to 5.
GRADES = {
    "CRS": (
        "no CRS",
        "fever",
        "fluids or a little oxygen",
        "a vasopressor or high-flow oxygen",
        "2+ vasopressors or a ventilator",
        "death by CRS",
    ),
    "ICANS": (
        "no ICANS",
        "a little confused",
        "confused, wakes to a voice",
        "wakes to touch only, or a seizure",
        "cannot be woken, or long seizures",
        "death by ICANS",
    ),
}
EDEMA = "cerebral edema: the brain swells"
NEEDS = {
    "pressure": ("normal", "low: fluids", "one vasopressor", "vasopressors"),
    "oxygen": ("room air", "low-flow oxygen", "high-flow oxygen", "ventilator"),
}
