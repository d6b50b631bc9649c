#!/bin/bash
# The compiler that did not build the tree has no warning either: clang where
# gcc built, gcc where clang did.  $cflags is how the tree was built.

# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$top_srcdir"
case ${CC:-gcc} in
*clang*) other=gcc ;;
*) other=clang ;;
esac

declare -a flags
eval "flags=(${cflags:?})" # as make would give them to a shell
lint_files '*.c' | {
	xargs -r -n 16 -P "$(nproc)" "$other" -fsyntax-only "${flags[@]}" \
		-I"$top_builddir" -I. 2>&1 || true
} | sed -n -E '/(warning|error):/p' | lint_case "$other has no warning"
lint_done
