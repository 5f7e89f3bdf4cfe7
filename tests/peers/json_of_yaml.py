"""Prints the documents of a YAML stream as one JSON array: the tests read JSON."""

import json
import sys

import yaml

print(json.dumps([document for document in yaml.safe_load_all(sys.stdin) if document is not None]))
