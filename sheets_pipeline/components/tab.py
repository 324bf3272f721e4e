"""``sheets_pipeline.Tab``: a declared tab as a component of Dagster's, for projects that Dagster's ``dg`` made.

The document is read by the loader of project folders, so that both take the same and say the same of what is wrong. Dagster
itself takes any attributes: it would end the code location for one mistake, and names neither file nor line of it.
"""

from collections.abc import Callable
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sheets_pipeline.components.project import DeclaredTab, declared_in, from_declaration
from sheets_pipeline.components.tab_asset import TabAsset, add_component
from sheets_pipeline.components.tab_declaration import TabDeclaration
from sheets_pipeline.errors import DeclarationBroken

#: What makes the checks of a tab's asset; filled by the room that knows runs.
make_checks: list[Callable[[TabAsset], list[dg.AssetChecksDefinition]]] = []


class _AnyAttributes(BaseModel):
    """Takes all; to editors and ``dg`` it says what a tab takes."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler.resolve_ref_schema(handler(TabDeclaration.__pydantic_core_schema__))


class _Declared(dg.Component):
    """A tab as a document declares it, which may be one that cannot be used."""

    def __init__(self, declared: DeclaredTab) -> None:
        self.declared = declared

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset with its checks."""
        return _definitions(self.declared)


class Tab(dg.Component, TabDeclaration):
    """A tab of a spreadsheet, kept in step with a query: its title, its key, the query of all its rows."""

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What Dagster reads attributes as."""
        return _AnyAttributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The tab of the document that Dagster is loading, read anew."""
        declared: Any = _Declared(_document(context))
        return declared  # type: ignore[no-any-return]

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset of a tab that is declared in Python, with its checks."""
        path = context.path if context.path.suffix else context.path / "component.py"
        declared = from_declaration(path, TabDeclaration(**self.model_dump(exclude_unset=True)))
        if declared.faults:  # made by a program, which a person runs now
            raise DeclarationBroken(self.title, " ".join(f"{fault.text}." for fault in declared.faults))
        return _definitions(declared)


def _document(context: dg.ComponentLoadContext) -> DeclaredTab:
    path = context.component_path.file_path
    path = path / "defs.yaml" if path.is_dir() else path
    documents = list(declared_in(path, others=("requirements", "post_processing")))
    tree = getattr(context.component_decl, "source_tree", None)
    line = tree.source_position_tree.position.start.line if tree is not None else 1
    return next((one for one in reversed(documents) if one.begins <= line), documents[0])


def _definitions(declared: DeclaredTab) -> dg.Definitions:
    tab_asset = add_component(declared)
    checks = [check for make in make_checks for check in make(tab_asset)]
    return dg.Definitions(assets=[tab_asset.asset], asset_checks=checks)
