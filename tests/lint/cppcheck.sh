#!/bin/bash
# cppcheck has nothing to say.  It takes longer than the other lints, so it
# runs with make lint and not with make check-fast.  Two processes, also where
# there is one processor: in one alone it follows pointers from file to file,
# and takes what is filled in elsewhere for uninitialized.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"

lint_files '*.c' | { xargs -r cppcheck -q -j 2 -I. --std=c11 \
	--enable=warning,performance,portability --inline-suppr \
	--library=tests/lint/cppcheck.cfg \
	--template=gcc 2>&1 || true; } |
	lint_case "cppcheck has nothing to say"
lint_done
