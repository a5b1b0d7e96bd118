#!/bin/sh
# SPDX-License-Identifier: MIT
# run_twins.sh: the tests of twins, in one process since the table is made of what they all saw: in the peers'
# environment, or else, as on the releases of tools/matrix.sh, with the distribution's Python and its readers.
here=$(cd "$(dirname "$0")" && pwd)
python=${OZR_PEERS:-/nonexistent}/v3/bin/python
[ -x "$python" ] || python=/usr/bin/python3
cd "$here" || exit 1
exec "$python" -m pytest -q -rs -p no:cacheprovider test_twins.py test_twins_large.py test_twins_crs.py test_twins_table.py
