#!/bin/bash
# Every shell script passes shellcheck.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"

{
	lint_files bootstrap .ci/run '*.sh'
	lint_files 'build-aux/bascule-*' 'drill/*' 'hooks/*' 'tests/*' | while read -r f; do
		head -n 1 "$f" | grep -aqE '^#!.*sh$' && echo "$f"
	done || true
} | sort -u | { xargs -r shellcheck -x -f gcc || true; } |
	lint_case "shellcheck has nothing to say"
lint_done
