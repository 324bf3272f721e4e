"""``sheets_pipeline.Tab``, ``.Spreadsheets``, ``.Credential``, ``.Source``: components of Dagster's, for projects that its ``dg`` made.

The document is read by the loader of project folders, so that both take the same and say the same of what is wrong. Dagster
itself takes any attributes: it would end the code location for one mistake, and names neither file nor line of it.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sheets_pipeline.components.declared import Declared, DeclaredSource, DeclaredTab
from sheets_pipeline.components.project import declared_in, from_declaration
from sheets_pipeline.components.source_declaration import SourceDeclaration
from sheets_pipeline.components.spreadsheet_declaration import CredentialDeclaration, SpreadsheetsDeclaration
from sheets_pipeline.components.tab_asset import TabAsset, add_component, add_of_project
from sheets_pipeline.components.tab_declaration import TabDeclaration
from sheets_pipeline.errors import DeclarationBroken

#: What makes the checks of a tab's asset; filled by the room that knows runs.
make_checks: list[Callable[[TabAsset], list[dg.AssetChecksDefinition]]] = []


class _Declared(dg.Component):
    """What a document declares, which may be something that cannot be used."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """A tab's asset with its checks; spreadsheets and credentials show nowhere, tabs name them."""
        return _definitions(self.declared)


class _OfDocument(dg.Component):
    """A component whose attributes are read from its document by the loader of project folders."""

    #: Takes any attributes; to editors and ``dg`` it says which there are.
    _attributes: ClassVar[type[BaseModel]]

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What Dagster reads attributes as."""
        return cls._attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """What the document that Dagster is loading declares, read anew."""
        declared: Any = _Declared(_document(context))
        return declared  # type: ignore[no-any-return]


def _any_attributes(model: type[BaseModel]) -> type[BaseModel]:
    class AnyAttributes(BaseModel):
        model_config = ConfigDict(extra="allow")

        @classmethod
        def __get_pydantic_json_schema__(cls, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            return handler.resolve_ref_schema(handler(model.__pydantic_core_schema__))

    return AnyAttributes


class Tab(_OfDocument, TabDeclaration):
    """A tab of a spreadsheet, kept in step with a query: its title, its key, the query of all its rows."""

    _attributes = _any_attributes(TabDeclaration)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset of a tab that is declared in Python, with its checks."""
        return _in_python(self, context)


class Spreadsheets(_OfDocument, SpreadsheetsDeclaration):
    """A spreadsheet with a name, or a list of them from YAML or SQL."""

    _attributes = _any_attributes(SpreadsheetsDeclaration)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Nothing that shows: tabs name it."""
        return _in_python(self, context)


class Credential(_OfDocument, CredentialDeclaration):
    """Who the pipeline is to Google for some spreadsheets."""

    _attributes = _any_attributes(CredentialDeclaration)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Nothing that shows: spreadsheets name it."""
        return _in_python(self, context)


class Source(_OfDocument, SourceDeclaration):
    """Somebody's spreadsheet that is read into the store."""

    _attributes = _any_attributes(SourceDeclaration)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Nothing that shows: it is a partition of the asset of all sources."""
        return _in_python(self, context)


def _in_python(said: BaseModel, context: dg.ComponentLoadContext) -> dg.Definitions:
    path = context.path if context.path.suffix else context.path / "component.py"
    declared = from_declaration(path, said)
    if declared.faults:  # made by a program, which a person runs now
        name = declared.id if isinstance(declared, DeclaredSource) else declared.title
        raise DeclarationBroken(name, " ".join(f"{fault.text}." for fault in declared.faults))
    return _definitions(declared)


def _document(context: dg.ComponentLoadContext) -> Declared:
    path = context.component_path.file_path
    path = path / "defs.yaml" if path.is_dir() else path
    documents = list(declared_in(path, others=("requirements", "post_processing")))
    tree = getattr(context.component_decl, "source_tree", None)
    line = tree.source_position_tree.position.start.line if tree is not None else 1
    return next((one for one in reversed(documents) if one.begins <= line), documents[0])


def _definitions(declared: Declared) -> dg.Definitions:
    if not isinstance(declared, DeclaredTab):
        add_of_project(declared)
        return dg.Definitions()
    tab_asset = add_component(declared)
    checks = [check for make in make_checks for check in make(tab_asset)]
    return dg.Definitions(assets=[tab_asset.asset], asset_checks=checks)
