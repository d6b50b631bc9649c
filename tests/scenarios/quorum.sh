#!/bin/bash
# The quorum protocol in simulated clusters: each kept counterexample goes
# right under many seeds, and wrong under one of them without the rule that it
# names; then some seeds that are the same each time, and fresh ones.

set -euo pipefail
: "${top_srcdir:?}" "${top_builddir:?}"
quorum=$top_builddir/drill/sim/quorum
scenarios=("$top_srcdir"/tests/scenarios/quorum/*.scenario)
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
broken=$(grep -l '^breaks' "${scenarios[@]}" | wc -l)
seeds=30
# All is ten times slower in an instrumented build, which looks for other faults.
if [ -n "${instrumented:-}" ]; then
	broken=0
	seeds=3
fi
echo "1..$((${#scenarios[@]} + broken + 2))"
for file in "${scenarios[@]}"; do
	name=$(basename "$file" .scenario)
	result "$name" "$quorum" --run "$file" --seeds "$seeds"
	[ "$broken" = 0 ] || ! grep -q '^breaks' "$file" ||
		result "$name fails without its rule" \
			"$quorum-mutants" --mutants --run "$file" --seeds 1000
done
result "two hours from seed 1" "$quorum" --seed 1 --hours 2
result "a fresh hour" "$quorum" --hours 1
exit $failed
