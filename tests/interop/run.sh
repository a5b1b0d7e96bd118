#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh TEST.py: pytest in the peers' virtual environment, that which OZR_PEER names (v3).
python=${OZR_PEERS:-/nonexistent}/${OZR_PEER:-v3}/bin/python
if [ ! -x "$python" ]; then
	echo "OZR_PEERS does not name a folder made by tests/interop/peers.sh: skipped"
	exit 77
fi
exec "$python" -m pytest -q -rs -p no:cacheprovider "$@"
