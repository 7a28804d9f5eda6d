"""`tcellabm schema`: what editors need to complete and check parameter files."""

import json


def schema() -> None:
    """Print the JSON Schema of parameter files, for editors."""
    from tcellabm.params.json_schema import json_schema

    print(json.dumps(json_schema(), ensure_ascii=False))
