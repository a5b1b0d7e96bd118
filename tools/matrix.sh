#!/bin/sh
# SPDX-License-Identifier: MIT
# matrix.sh [options] [suite...]: build and test on other Debian releases, each with its own GDAL
# and ImageMagick. The suites are trixie and forky (GDAL 3.10 and 3.13, ImageMagick 7.1.1 and 7.1.2) unless named;
# bookworm (3.6, 6.9.11) works too.
#
#   --cache FOLDER   where the roots are made, and used again (OZR_MATRIX_CACHE; default build-matrix)
#   --mirror URL     the Debian mirror (OZR_MATRIX_MIRROR; default: the one that this system's apt uses)
#   --qgis "SUITES"  where QGIS is installed for its tests (OZR_MATRIX_QGIS; default forky; "" nowhere)
#   --unit           run the C tests too, not only those inside the hosts
#   --suites FOLDER  run GDAL's own suites too, from FOLDER/3.10/autotest, FOLDER/3.13/autotest, ...
#   --fresh          make the roots anew
#   --prepare        make the roots, install the packages, and stop
#
# A root is a folder made by debootstrap; the suites run side by side, each with its own log.
# This needs root for chroot(2) and mknod(2), but neither a daemon nor user namespaces. /proc is
# mounted in a mount namespace of its own, which leaves nothing to unmount; where that is not
# permitted (CAP_SYS_ADMIN), the tests that need /proc say that they are skipped. Everything that cannot be
# done is an error: no suite is ever left out silently.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
. "$ROOT/tools/lib.sh"

cache=${OZR_MATRIX_CACHE:-$ROOT/build-matrix}
mirror=${OZR_MATRIX_MIRROR:-}
qgis=${OZR_MATRIX_QGIS-forky}
unit=${OZR_MATRIX_UNIT:-} suites=${OZR_MATRIX_SUITES:-} fresh=${OZR_MATRIX_FRESH:-} prepare=${OZR_MATRIX_PREPARE:-}
while [ $# -gt 0 ]; do
	case $1 in
	--cache) cache=${2:?} && shift ;;
	--mirror) mirror=${2:?} && shift ;;
	--qgis) qgis=${2?} && shift ;;
	--unit) unit=1 ;;
	--suites) suites=$(cd "${2:?}" && pwd -P) && shift ;;
	--fresh) fresh=1 ;;
	--prepare) prepare=1 ;;
	-*) die "unknown option $1; see the head of $0" ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || set -- trixie forky
for suite in "$@"; do
	case $suite in '' | *[!a-z]*) die "'$suite' is not the name of a Debian release" ;; esac
done

[ "$(id -u)" -eq 0 ] || die "chroot needs root: run 'sudo $0', or test one release in a virtual machine of it"
shared=${OZR_SHARED:-$ROOT/../shared}
if [ -d "$shared" ]; then
	shared=$(cd "$shared" && pwd -P) # a link would be copied as one
elif [ "${OZR_REQUIRE_SHARED:-}" = 1 ]; then
	die "OZR_SHARED ($shared) is not a folder, and OZR_REQUIRE_SHARED=1"
else
	echo "No folder $shared: tests that read real images and other people's suites are skipped"
	shared=
fi
need_packages debootstrap
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# The mirror from which this system itself was installed, of all those in its apt configuration.
system_mirror() {
	release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v release="$release" '$1 == release && $2 == "main" {print $3; exit}'
}
if [ -z "$mirror" ]; then
	mirror=$(system_mirror)
	[ -n "$mirror" ] || { apt-get update -qq && mirror=$(system_mirror); } || true
	[ -n "$mirror" ] || die "this system's apt configuration names no Debian mirror; give one with --mirror URL"
fi

# What a container may lack, found out before time is spent, and before the suites run side by side.
if [ -z "${OZR_MATRIX_ONE:-}" ]; then
	chroot / true 2>/dev/null || die "chroot is not permitted here (CAP_SYS_CHROOT)"
	mkdir -p "$cache/probe"
	rm -f "$cache/probe/null"
	if ! mknod "$cache/probe/null" c 1 3 2>/dev/null || ! : 2>/dev/null >"$cache/probe/null"; then
		die "device nodes are not permitted in $cache (CAP_MKNOD, or a file system that is mounted with nodev)"
	fi
	rm -r "$cache/probe"
fi

private=
if unshare --mount --propagation private true 2>/dev/null; then
	private='unshare --mount --propagation private'
else
	echo "Mounting is not permitted here: the roots have no /proc"
fi

# enter FOLDER VARIABLE=value... command: run it in the root, and in an environment of its own.
enter() {
	# shellcheck disable=SC2016
	$private sh -c 'mount -t proc proc "$0/proc" 2>/dev/null || true
		exec chroot "$0" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$@"
}

# make_root SUITE FOLDER: a folder of that name is a complete root.
make_root() {
	part=$2.part
	rm -rf --one-file-system "$part"
	$private debootstrap --variant=minbase --include=ca-certificates "$1" "$part" "$mirror" \
		/usr/share/debootstrap/scripts/sid
	# Snapshots of a mirror stay usable; translations and recommendations only take time.
	printf '%s\n' 'Acquire::Check-Valid-Until "false";' 'Acquire::Languages "none";' \
		'APT::Install-Recommends "false";' >"$part/etc/apt/apt.conf.d/90matrix"
	apt-config dump | grep -i '^Acquire::[a-z]*::proxy' >>"$part/etc/apt/apt.conf.d/90matrix" || true
	mv "$part" "$2"
}

# The tree as it is, uncommitted changes included. Time stamps stay, so a second build is short.
copy_sources() {
	rm -rf --one-file-system "$1/ozr/source" "$1/ozr/shared" "$1/ozr/suites"
	mkdir -p "$1/ozr/source"
	tar -C "$ROOT" --exclude=./.git --exclude='./build*' --exclude='./demo-out' -cf - . |
		tar -C "$1/ozr/source" --no-same-owner -xf -
	[ -z "$shared" ] || cp -R "$shared" "$1/ozr/shared"
	[ -z "$suites" ] || cp -R "$suites" "$1/ozr/suites"
}

run_suite() {
	suite=$1 folder=$cache/$1
	[ -z "$fresh" ] || rm -rf --one-file-system "$folder"
	[ -d "$folder" ] || make_root "$suite" "$folder"
	for name in resolv.conf hosts; do
		[ ! -e "/etc/$name" ] || cp -L "/etc/$name" "$folder/etc/$name"
	done
	copy_sources "$folder"
	with_qgis=
	case " $qgis " in *" $suite "*) with_qgis=1 ;; esac
	enter "$folder" JOBS="${OZR_MATRIX_JOBS:-1}" QGIS="$with_qgis" UNIT="$unit" PREPARE="$prepare" OZR_LONG="${OZR_LONG:-}" \
		REQUIRE="${OZR_REQUIRE_SHARED:-}" SHARED="$shared" SUITES="$suites" /bin/sh /ozr/source/tools/matrix_inside.sh
}

# Each suite is a run of this script in a process group of its own, so that it ends as a whole.
if [ -n "${OZR_MATRIX_ONE:-}" ]; then
	run_suite "$1"
	exit 0
fi
exec 9>"$cache/lock"
flock -n 9 || die "another $0 uses $cache"
jobs=$(nproc) # for each: they do not end together, and much of the tests is waiting
export OZR_MATRIX_CACHE="$cache" OZR_MATRIX_MIRROR="$mirror" OZR_MATRIX_QGIS="$qgis" OZR_MATRIX_UNIT="$unit" \
	OZR_MATRIX_SUITES="$suites" OZR_MATRIX_FRESH="$fresh" OZR_MATRIX_PREPARE="$prepare" OZR_MATRIX_JOBS="$jobs" OZR_MATRIX_ONE=1

say "Building and testing on $*; logs: $cache/*.log"
started=$(seconds)
pids=
trap 'for pid in $pids; do kill -- "-$pid" || true; done; exit 130' INT TERM
for suite in "$@"; do
	setsid "$0" "$suite" </dev/null >"$cache/$suite.log" 2>&1 &
	pids="$pids $!"
done

failed=
for suite in "$@"; do
	pids=${pids# } && pid=${pids%% *}
	if wait "$pid"; then
		say "$suite: passed, after $(elapsed "$started") s"
		sed -n '/^== Summary/,$p' "$cache/$suite.log" | sed 1d
	else
		failed="$failed $suite"
		say "$suite: FAILED, after $(elapsed "$started") s; the end of $cache/$suite.log:"
		tail -n 80 "$cache/$suite.log"
	fi
	pids=${pids#"$pid"}
done
[ -z "$failed" ] || die "failed on$failed"
say "Passed on $*"
