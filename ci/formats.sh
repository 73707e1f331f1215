#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whether others can read what this project writes: the JSON report by its schema, the KCIDB report by KCIDB's own library, the
# JUnit file by two readers, the pipelines by the schemas of their engines. Takes the three reports of one run.
set -euo pipefail
json=$(realpath "$1") junit=$(realpath "$2") kcidb=$(realpath "$3")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q check-jsonschema==0.39.0 junit2html==31.1.4 junitparser==5.0.3 kcidb-io==141

"$work/venv/bin/check-jsonschema" --schemafile docs/report.schema.json "$json"
"$work/venv/bin/check-jsonschema" --builtin-schema vendor.github-workflows ci/github.yml
"$work/venv/bin/check-jsonschema" --builtin-schema vendor.gitlab-ci ci/gitlab.yml
"$work/venv/bin/python" - "$json" "$junit" "$kcidb" <<'PYTHON'
import json, sys
import junitparser, kcidb_io
from junit2htmlreport.parser import Junit

run = json.load(open(sys.argv[1]))
cases = [case["verdict"] for cell in run["cells"] for suite in cell["suites"] for case in suite["cases"]]
# And one for each boot.
count = len(cases) + len(run["cells"])
assert cases, "the run has no case"

suites = junitparser.JUnitXml.fromfile(sys.argv[2])
read = [case for suite in suites for case in suite]
assert len(read) == count, f"junitparser finds {len(read)} of {count} cases"
print(f"junitparser: {len(read)} cases")

read = [case for suite in Junit(sys.argv[2]).suites for part in suite.classes.values() for case in part.cases]
assert len(read) == count, f"junit2html finds {len(read)} of {count} cases"
print(f"junit2html: {len(read)} cases")

report = json.load(open(sys.argv[3]))
kcidb_io.schema.V5_3.validate(report)
assert kcidb_io.schema.LATEST.is_compatible(report)
assert len(report["tests"]) == count
print(f"kcidb-io: {len(report['tests'])} tests, {len(report['builds'])} builds")
PYTHON
