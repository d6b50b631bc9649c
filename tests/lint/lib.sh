# What the lints share.  A lint pipes the faults that it finds, one a line,
# into lint_case; each case is one line of TAP.
#
# make check sets $top_srcdir and $top_builddir; by hand, run a lint at the
# top of a tree that was built there.
# shellcheck shell=bash

set -euo pipefail
shopt -s lastpipe # lint_case counts in this shell, not in the pipe's
export LC_ALL=C
top_srcdir=${top_srcdir:-$PWD}
top_builddir=${top_builddir:-$PWD}
lint_count=0
lint_failed=0

# Print the files of the tree that match one of the git pathspecs $@.
lint_files()
{
	cd "$top_srcdir"
	if [ -e .git ]; then
		git ls-files -co --exclude-standard -- "$@" | while read -r f; do
			[ ! -f "$f" ] || echo "$f"
		done
	else
		lint_find "$@"
	fi
}

# The same in an unpacked tarball, which has no git, but what autotools and
# make distcheck put there.
lint_find()
{
	local pattern
	local -a tests=()

	for pattern in "$@"; do
		tests+=(-o -path "./$pattern" -o -path "./*/$pattern")
	done
	find . \( -path ./_build -o -path ./_inst -o -name autom4te.cache \) \
		-prune -o -type f \( "${tests[@]:1}" \) -print |
		sed -E 's,^\./,,; /^Makefile\.in$/d
			/^build-aux\/bascule-/b; /^build-aux\//d'
}

# One case named $1: it passes if no fault comes in.
lint_case()
{
	local faults

	faults=$(cat)
	lint_count=$((lint_count + 1))
	if [ -z "$faults" ]; then
		echo "ok $lint_count - $1"
	else
		echo "not ok $lint_count - $1"
		echo "# ${faults//$'\n'/$'\n'# }"
		lint_failed=1
	fi
}

# The last line of a lint: its plan; the exit status is for a run by hand.
lint_done()
{
	echo "1..$lint_count"
	exit "$lint_failed"
}
