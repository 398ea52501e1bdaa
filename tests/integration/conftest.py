"""boto3 clients that tests prepare and inspect with, at an eighth of their cost."""

from __future__ import annotations

from aws_in_tests import read_models_once  # noqa: F401 - a fixture
