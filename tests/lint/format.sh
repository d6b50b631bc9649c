#!/bin/bash
# Every C file is as clang-format would have it; with --mend, make it so.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"
if [ "${1:-}" = --mend ]; then
	lint_files '*.c' '*.h' | xargs -r clang-format -i
	exit
fi

# clang-format names each fault; one for each file is enough.
lint_files '*.c' '*.h' | {
	xargs -r clang-format --dry-run --Werror 2>&1 || true
} | sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error: .*/\1/p' |
	awk -F: '!seen[$1]++' | lint_case "clang-format has nothing to change"
lint_done
