#!/usr/bin/python
# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_package
short_description: Build a reproducible zip for a Lambda function
version_added: 0.1.0
description:
  - Packs files and folders into a zip that M(logreflector.aws.lambda_function) uploads.
  - The same sources give the same bytes on every machine and with every Python, so that RV(code_sha256) alone tells whether code changed.
    Names are sorted, all files get one date and the permissions C(0644), and nothing is compressed.
  - Byte code (C(__pycache__), C(*.pyc)) and names that begin with a dot are always left out.
  - It runs where the sources are and asks no AWS. A package over 50 MB, which Lambda does not take directly, is refused.
author:
  - Log Reflector contributors (@logreflector)
extends_documentation_fragment:
  - logreflector.aws.attributes
options:
  dest:
    description: Path of the zip. Missing folders are made. It is replaced as a whole, so that several runs may build it at once.
    type: path
    required: true
  sources:
    description:
      - What goes into the zip.
      - Two sources that give the same name inside the zip are refused.
    type: list
    elements: dict
    required: true
    suboptions:
      src:
        description:
          - A file, or a folder whose contents are packed. Links are followed.
          - A path that is not absolute counts from the folder that Ansible was started in.
        type: path
        required: true
      dest:
        description:
          - For a folder, the folder inside the zip. For a file, its name there, or the folder if it ends with V(/).
          - V("") is the top of the zip, where a file keeps its own name.
        type: str
        default: ""
  exclude:
    description:
      - Shell-style patterns of what to leave out of folders, compared with the name and with the path below the source.
      - A file that O(sources[].src) names itself is always packed.
    type: list
    elements: str
    default: [tests]
  check_syntax:
    description:
      - Whether to refuse a Python file that does not compile, so that nothing broken is ever uploaded.
      - Set it to V(false) for code that is written for a newer Python than the one that runs this module.
    type: bool
    default: true
  requirements:
    description:
      - A requirements file of pip whose wheels go into the package, for a function that needs compiled libraries.
      - Every line is C(NAME==VERSION) with the SHA-256 of its wheels as C(--hash=sha256:HEX), and with nothing else. Of each, list the one wheel for
        every O(runtime) and O(architecture) that you build for. What a library depends on has to be listed too.
      - The pip of the Python that runs this module brings the wheels, whatever machine that is, from the package index that pip is set up for.
        They are kept in C($XDG_CACHE_HOME/log-reflector/wheels) (C(~/.cache) if that is not set) and checked at each use, so that
        only a new wheel needs the index. In check mode they are brought into that cache too, since the package cannot be told without them.
      - Wheels are packed whole, but for what only installers need. O(exclude) and O(check_syntax) do not apply to them.
    type: path
  runtime:
    description: The runtime that the wheels have to fit, as the option of M(logreflector.aws.lambda_function). Needed with O(requirements).
    type: str
  architecture:
    description: The instruction set that the wheels have to fit, as the option of M(logreflector.aws.lambda_function). Needed with O(requirements).
    type: str
    choices: [arm64, x86_64]
"""

EXAMPLES = r"""
- name: Make a folder for a function
  ansible.builtin.file:
    path: /tmp/log-reflector-example/source
    state: directory
    mode: "0755"

- name: Write the function
  ansible.builtin.copy:
    dest: /tmp/log-reflector-example/source/handler.py
    content: |
      def handler(event, context):
          return {"seen": len(event)}
    mode: "0644"

- name: Build its package from the folder
  logreflector.aws.lambda_package:
    dest: /tmp/log-reflector-example/example.zip
    sources:
      - src: /tmp/log-reflector-example/source

- name: Build another, with one more file under a name of its own
  logreflector.aws.lambda_package:
    dest: /tmp/log-reflector-example/other.zip
    sources:
      - src: /tmp/log-reflector-example/source
      - src: /tmp/log-reflector-example/source/handler.py
        dest: library/first_handler.py
    exclude: [tests, "*.md"]

- name: Pin a compiled library, by the wheel for Python 3.13 on arm64
  ansible.builtin.copy:
    dest: /tmp/log-reflector-example/requirements.txt
    content: |
      orjson==3.13.0 --hash=sha256:b081f0e7b600ff24513dec4ca75507fa05e904607847e386e8310d5b7b96b6c7
    mode: "0644"

- name: Build a package that carries it
  logreflector.aws.lambda_package:
    dest: /tmp/log-reflector-example/native.zip
    sources:
      - src: /tmp/log-reflector-example/source
    requirements: /tmp/log-reflector-example/requirements.txt
    runtime: python3.13
    architecture: arm64
"""

RETURN = r"""
path:
  description: The zip.
  type: str
  returned: success
  sample: /tmp/build/reflector.zip
code_sha256:
  description: Base64 of the zip's SHA-256, as Lambda's C(CodeSha256). In check mode that of the zip that would be built.
  type: str
  returned: success
  sample: Rws2JYrFmxbxNQ4dEp+1Gd7e6Q0iqJGrnVtDSEgVVE4=
size:
  description: Bytes of the zip.
  type: int
  returned: success
  sample: 2048
files:
  description: Names inside the zip, sorted.
  type: list
  elements: str
  returned: success
  sample: [handler.py]
changes:
  description: What was changed, or would be in check mode, a line each.
  type: list
  elements: str
  returned: success
  sample: ["create package /tmp/build/reflector.zip"]
"""

from ansible_collections.logreflector.aws.plugins.module_utils._module import Spec, run
from ansible_collections.logreflector.aws.plugins.module_utils._plan import converging
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import LambdaPackage

SPEC = Spec(
    options={
        "dest": {"type": "path", "required": True},
        "sources": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "src": {"type": "path", "required": True},
                "dest": {"type": "str", "default": ""},
            },
        },
        "exclude": {"type": "list", "elements": "str", "default": ["tests"]},
        "check_syntax": {"type": "bool", "default": True},
        "requirements": {"type": "path"},
        "runtime": {"type": "str"},
        "architecture": {"type": "str", "choices": ["arm64", "x86_64"]},
    },
    rules={"required_by": {"requirements": ["runtime", "architecture"]}},
    work=converging(LambdaPackage),
    connects=False,
)


def main() -> None:
    """Entry point."""
    run(SPEC)


if __name__ == "__main__":
    main()
