#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh TEST.py: pytest in the peers' virtual environment.
if [ ! -x "${OZR_PEERS:-/nonexistent}/v3/bin/python" ]; then
	echo "OZR_PEERS does not name a folder made by tests/interop/peers.sh: skipped"
	exit 77
fi
exec "$OZR_PEERS/v3/bin/python" -m pytest -q -rs -p no:cacheprovider "$@"
