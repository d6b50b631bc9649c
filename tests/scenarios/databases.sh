#!/bin/bash
# Databases on simulated clusters: each kept counterexample goes right under
# many seeds; then some seeds that are the same each time.

set -euo pipefail
: "${top_srcdir:?}" "${top_builddir:?}"
databases=$top_builddir/drill/sim/databases
scenarios=("$top_srcdir"/tests/scenarios/databases/*.scenario)
number=0
failed=0

# Run $2... as the result named $1.
result()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@" >>"$log" 2>&1; then
		echo "ok $number - $name"
	else
		sed 's/^/# /' "$log"
		echo "not ok $number - $name"
		failed=1
	fi
	: >"$log"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd "$top_builddir"
echo "1..$((${#scenarios[@]} + 1))"
for file in "${scenarios[@]}"; do
	result "$(basename "$file" .scenario)" \
		"$databases" --run "$file" --seeds 30
done
result "two hours from seed 1" "$databases" --seed 1 --hours 2
exit $failed
