"""The reading API v2.1."""

from chalice.app import Blueprint

routes = Blueprint(__name__)
