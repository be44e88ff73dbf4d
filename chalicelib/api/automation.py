"""The management API v1.0."""

from chalice.app import Blueprint

routes = Blueprint(__name__)
