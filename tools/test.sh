#!/bin/sh
# SPDX-License-Identifier: MIT
# test.sh [--long]: install what is needed, build, and run the tests. --long adds the sweeps that
# take more than a few minutes (sanitizers over everything, valgrind, many rounds of the fault tests).
#
# Some tests read other people's images and suites from the folder that OZR_SHARED names (default:
# ../shared); where it is absent they are skipped and say so. OZR_REQUIRE_SHARED=1 makes that an error.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
. "$ROOT/tools/lib.sh"

long=
case ${1:-} in
--long) long=1 ;;
'') ;;
*) die "usage: $0 [--long]" ;;
esac

OZR_SHARED=${OZR_SHARED:-$ROOT/../shared}
if [ -d "$OZR_SHARED" ]; then
	OZR_SHARED=$(cd "$OZR_SHARED" && pwd)
elif [ "${OZR_REQUIRE_SHARED:-}" = 1 ]; then
	die "OZR_SHARED ($OZR_SHARED) is not a folder, and OZR_REQUIRE_SHARED=1"
else
	echo "No folder $OZR_SHARED: tests that read real images and other people's suites are skipped"
fi
export OZR_SHARED
[ -z "$long" ] || export OZR_LONG=1

# shellcheck disable=SC2046,SC2086
need_packages $TEST_PACKAGES $(magick_packages test)
# npm may have come from elsewhere; Debian's is for Debian's node.
command -v npm >/dev/null || need_packages nodejs npm
clang_format=$(apt-cache search --names-only '^clang-format-14$' 2>/dev/null | head -n 1)
[ -z "$clang_format" ] || [ "$(id -u)" -ne 0 ] || need_packages clang-format-14

say "Building"
build "$ROOT/build-test" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOZR_WERROR=ON -DOZR_GDAL=ON -DOZR_MAGICK=ON

say "Peers for the interoperability tests (pinned versions from PyPI, in build-test/peers)"
if sh "$ROOT/tests/interop/peers.sh" "$ROOT/build-test/peers"; then
	export OZR_PEERS="$ROOT/build-test/peers"
elif [ "${OZR_REQUIRE_SHARED:-}" = 1 ]; then
	die "the peers could not be installed"
else
	echo "The peers could not be installed: interoperability tests are skipped"
fi

say "An S3 server (pinned version by Go, in build-test/peers)"
rc=0
sh "$ROOT/tests/interop/s3_server.sh" "$ROOT/build-test/peers" || rc=$?
export OZR_PEERS="$ROOT/build-test/peers"
[ "$rc" -eq 0 ] || [ "$rc" -eq 77 ] || [ "${OZR_REQUIRE_SHARED:-}" != 1 ] || die "the S3 server could not be built"
[ "$rc" -eq 0 ] || echo "No S3 server: tests that need one are skipped"

say "Tests"
ctest --test-dir "$ROOT/build-test" --output-on-failure -j "$(nproc)"

say "C tests and fuzz targets with address and undefined-behaviour sanitizers"
build "$ROOT/build-asan" -DCMAKE_BUILD_TYPE=Debug -DOZR_WERROR=ON -DOZR_GDAL=OFF -DOZR_MAGICK=ON "-DOZR_SANITIZE=address,undefined"
ctest --test-dir "$ROOT/build-asan" --output-on-failure -j "$(nproc)" -L "unit|fuzz"

say "The ImageMagick coder with these sanitizers, inside stock programs"
ctest --test-dir "$ROOT/build-asan" --output-on-failure -j "$(nproc)" -R "^magick/[67]\.Q16/"

say "C tests with the thread sanitizer"
# Without --long, not those that use one thread only, or repeat themselves for each allocation.
[ -n "$long" ] && except='^$' || except='unit/test_(reduce|convert|magick_.*|codec_.*|.*_faults)$'
build "$ROOT/build-tsan" -DCMAKE_BUILD_TYPE=Debug -DOZR_WERROR=ON -DOZR_GDAL=OFF -DOZR_MAGICK=OFF -DOZR_SANITIZE=thread
TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 die_after_fork=0" \
	setarch "$(uname -m)" -R ctest --test-dir "$ROOT/build-tsan" --output-on-failure -j "$(nproc)" -L unit -E "$except"

say "All tests passed"
