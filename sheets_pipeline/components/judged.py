"""Judging what stands in a document by the model of it, each fault with its line."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sheets_pipeline.components.tab_declaration import faults_of
from sheets_pipeline.components.yaml_nodes import Document, Fault, Place

Model = TypeVar("Model", bound=BaseModel)


def judged(
    document: Document, place: Place, values: dict[str, Any], faults: list[Fault], model: type[Model]
) -> Model | None:
    """The declaration that stands at a place, None where it is wrong: then the faults say why.

    Args:
        document: Where it stands.
        place: Of the mapping in the document.
        values: The mapping.
        faults: What is wrong is added here.
        model: What it declares.
    """
    length = len(place)
    inside = {where[length:]: text for where, text in document.written.items() if where[:length] == place}
    hidden: set[Place] = {where[length:] for where in document.hidden if where[:length] == place}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for one in error.errors():
            for where, text in faults_of(one, inside, hidden, model):
                if (*place, *where) not in document.failed:
                    faults.append(Fault(document.line_of((*place, *where)), text))
    return None
