#!/bin/bash
# Random trouble: the seeds that found something once, some that are the same
# each time, and one that is fresh and printed.

set -euo pipefail
: "${top_builddir:?}"
soak=$top_builddir/drill/sim/soak

known=(10 40 63 20204 3973826226 3973826435 3973826485 3973826566
       3973826606 895606420 3979490460 28065442 130471459)
echo "1..$((${#known[@]} + 2))"
number=0
failed=0

# Run $2... as the result named $1.
result()
{
	local name=$1

	shift
	number=$((number + 1))
	if "$@" | sed 's/^#* */# /'; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		failed=1
	fi
}

for seed in "${known[@]}"; do
	result "seed $seed" "$soak" --seed "$seed" --hours 0
done
result "four hours from seed 1000" "$soak" --seed 1000 --hours 4
result "a fresh hour" "$soak" --hours 1
exit $failed
