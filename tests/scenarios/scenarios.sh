#!/bin/bash
# Play every scenario in the simulated world, and write the hash of what was
# told to trace.hash in the build folder: all compilers must tell the same.

set -euo pipefail
: "${top_srcdir:?}" "${top_builddir:?}"

mkdir -p "$top_builddir/tests/scenarios"
exec "$top_builddir/drill/sim/scenario" \
	--hash "$top_builddir/tests/scenarios/trace.hash" \
	"$top_srcdir"/tests/scenarios/*.scenario
