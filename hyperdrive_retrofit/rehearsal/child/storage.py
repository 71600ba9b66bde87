"""Answers to the SDK's calls about artifacts, assets and models."""

# ruff: noqa: D102 - the methods are the SDK's operations, named as there

from __future__ import annotations

import base64
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from azureml._restclient.models import (
    ArtifactContentInformationDto,
    ArtifactDto,
    Asset,
    BatchArtifactContentInformationDto,
)
from azureml._restclient.models import Model as ModelDto
from azureml._restclient.models.model_error_response import ModelErrorResponse, ModelErrorResponseException
from msrest.exceptions import HttpOperationError

from hyperdrive_retrofit.rehearsal import artifacts
from hyperdrive_retrofit.rehearsal.child.calls import (
    CONTAINER,
    EXPERIMENT,
    RUN_ORIGIN,
    NotImitatedError,
    Operations,
    Page,
    moment,
)
from hyperdrive_retrofit.rehearsal.models import Model, Models

_ASSET = "aml://asset/"


class Artifact(Operations):
    """Artifacts (azureml/_restclient/operations/artifact_operations.py); a content uri is a path here."""

    def folder(self, origin: str, container: str) -> Path:
        """Return the folder that holds a container's artifacts."""
        if origin == RUN_ORIGIN:
            return self.history.folder(container.removeprefix(CONTAINER))
        return self.history.workdir / "uploads" / artifacts.safe_name(container)

    def list_in_container(self, _sub: str, _group: str, _ws: str, origin: str, container: str, **_: Any) -> Page:
        return Page(
            ArtifactDto(origin=origin, container=container, path=name)
            for name in artifacts.names(self.folder(origin, container))
        )

    def list_sas_by_prefix(
        self, _sub: str, _group: str, _ws: str, origin: str, container: str, path: str, **_: Any
    ) -> Page:
        folder = self.folder(origin, container)
        return Page(self._content(origin, container, name) for name in artifacts.below(folder, path))

    def get_content_information(
        self, _sub: str, _group: str, _ws: str, origin: str, container: str, path: str, **_: Any
    ) -> ArtifactContentInformationDto:
        return self._content(origin, container, path)

    def batch_create_empty_artifacts(
        self, _sub: str, _group: str, _ws: str, origin: str, container: str, command: Any = None, **_: Any
    ) -> BatchArtifactContentInformationDto:
        folder = self.folder(origin, container)
        paths = [dto.path for dto in command.paths]
        taken = [path for path in paths if artifacts.uploaded(folder, path).exists()]
        refused = {path: _conflict(f"{origin}/{container}/{path}") for path in taken}
        contents = {
            path: ArtifactContentInformationDto(
                content_uri=str(artifacts.uploaded(folder, path)), origin=origin, container=container, path=path
            )
            for path in paths
        }
        dtos = {path: ArtifactDto(origin=origin, container=container, path=path) for path in paths}
        return BatchArtifactContentInformationDto(dtos, contents, refused)

    def _content(self, origin: str, container: str, name: str) -> ArtifactContentInformationDto:
        path = artifacts.find(self.folder(origin, container), name)
        if path is None:
            raise _missing(name)
        return ArtifactContentInformationDto(content_uri=str(path), origin=origin, container=container, path=name)


def _missing(name: str) -> Exception:
    response = requests.Response()
    response.status_code = 404
    text = f"No artifact '{name}'."
    return HttpOperationError(lambda _kind, _response: None, response, "ErrorResponse", text)  # type: ignore[arg-type]


def _conflict(artifact: str) -> Any:
    error = types.SimpleNamespace(code="UserError", message=f"Resource Conflict: ArtifactId {artifact} already exists.")
    return types.SimpleNamespace(error=error)


class Assets(Operations):
    """Assets (azureml/_restclient/operations/assets_operations.py); an asset's id is the place of its files."""

    def create(self, _sub: str, _group: str, _ws: str, asset: Asset, **_: Any) -> Asset:
        asset.id = _asset_id(asset.artifacts[0]["prefix"])
        return asset

    def query_by_id(self, _sub: str, _group: str, _ws: str, id: str, **_: Any) -> Asset:  # noqa: A002 - the SDK's name
        return Asset(name=id, id=id, artifacts=[types.SimpleNamespace(id=None, prefix=_asset_prefix(id))])


class MlModels(Operations):
    """Models (azureml/_restclient/operations/ml_models_operations.py)."""

    def register(self, _sub: str, _group: str, _ws: str, model: ModelDto, **_: Any) -> ModelDto:
        prefix = _asset_prefix(model.url.removeprefix(_ASSET))
        origin, container, path = prefix.split("/", 2)
        folder = Artifact(self.history).folder(origin, container)
        above = path.rpartition("/")[0]  # the SDK strips it: Model._get_strip_prefix in azureml/core/model.py
        files = {
            name.removeprefix(above).lstrip("/"): found
            for name in artifacts.below(folder, path)
            if (found := artifacts.find(folder, name))
        }
        registered = Models(self.history).register(
            model.name, files, _asset_id(prefix), run_id=model.run_id, tags=model.kv_tags, properties=model.properties,
            description=model.description, framework=model.framework, framework_version=model.framework_version,
        )  # fmt: skip
        return _model_dto(registered)

    def query_by_id(self, _sub: str, _group: str, _ws: str, id: str, **_: Any) -> ModelDto:  # noqa: A002
        for model in Models(self.history).all():
            if model.id == id:
                return _model_dto(model)
        response = requests.Response()
        response.status_code = 404
        error = ModelErrorResponse(status_code=404, message=f"No model '{id}'.")
        raise ModelErrorResponseException(lambda _kind, _response: error, response)

    def list_query(self, _sub: str, _group: str, _ws: str, **query: Any) -> Page:
        found = [model for model in reversed(Models(self.history).all()) if _matches(model, query)]
        if query.get("latest_version_only"):
            found = list({model.name: model for model in reversed(found)}.values())
        return Page(_model_dto(model) for model in found)

    def patch(self, _sub: str, _group: str, _ws: str, id: str, body: Any = None, **_: Any) -> None:  # noqa: A002
        fields = {"/kvTags": "tags", "/description": "description", "/properties": "properties"}
        for change in body:
            if change["path"] not in fields:
                raise NotImitatedError(f"a change of a model's {change['path']}")
            Models(self.history).change(id, **{fields[change["path"]]: change["value"]})

    def delete(self, _sub: str, _group: str, _ws: str, id: str, **_: Any) -> None:  # noqa: A002
        Models(self.history).delete(id)


def _asset_id(prefix: str) -> str:
    return base64.urlsafe_b64encode(prefix.encode()).decode()


def _asset_prefix(asset_id: str) -> str:
    return base64.urlsafe_b64decode(asset_id.encode()).decode()


def _matches(model: Model, query: dict[str, Any]) -> bool:
    """Tell whether a model answers a query (the strings are made in ``Model.list``, azureml/core/model.py)."""
    wanted = (
        (model.name, query.get("name")),
        (model.run_id, query.get("run_id")),
        (model.framework, query.get("framework")),
    )
    if any(value is not None and value != own for own, value in wanted):
        return False
    pairs = ((model.tags, query.get("tags")), (model.properties, query.get("properties")))
    return all(_has(own, text) for own, text in pairs if text)


def _has(own: Mapping[str, str], text: str) -> bool:
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if name not in own or (equals and own[name] != value):
            return False
    return True


def _model_dto(model: Model) -> ModelDto:
    return ModelDto(
        name=model.name, url=_ASSET + model.asset, mime_type="application/json", id=model.id, version=model.version,
        framework=model.framework, framework_version=model.framework_version, datasets=[], unpack=False,
        description=model.description, created_time=moment(model.created), modified_time=moment(model.created),
        run_id=model.run_id, experiment_name=EXPERIMENT, kv_tags=dict(model.tags), properties=dict(model.properties),
        derived_model_ids=[],
    )  # fmt: skip
